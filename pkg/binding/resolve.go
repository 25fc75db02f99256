// Package binding finds the EKS cluster of a kube context, and the AWS identity that
// kubectl uses there. It reads only the kubeconfig, and the environment for the scripts in it.
//
// The guard is the check that the cluster kubectl connects to is the cluster that EKS
// describes: the ARNs and the endpoints must be equal. Match means that they are, Mismatch
// that they are two clusters, Unverified that the kubeconfig does not prove either, for
// example behind a tunnel.
package binding

import (
	"cmp"
	"fmt"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Options are the values of command-line flags. They override the kubeconfig.
type Options struct {
	// Context is the kube context; empty means the current one.
	Context string
	// ClusterName and Region identify the EKS cluster.
	ClusterName, Region string
	// Profile, RoleARN and EndpointURL select the AWS identity and endpoint.
	Profile, RoleARN, EndpointURL string
}

// Target is the EKS cluster of a kube context, as far as the kubeconfig identifies it.
type Target struct {
	Context      string
	ClusterEntry string // name of the kubeconfig's cluster entry
	Server       string // URL that kubectl connects to
	// TLSServerName is the name that kubectl requires in the server's certificate. It is
	// empty if the kubeconfig does not set it or turns verification off.
	TLSServerName string

	ARN                string // name of the cluster entry if that is an ARN, else empty
	Name               string // never empty
	Region             string // empty if only the AWS configuration can name it
	Account, Partition string // Account is known only with an ARN, Partition also with a region
	NameByFlag         bool   // Name is from a flag
	Credentials        Credentials
	Evidence           []string // sources of the name and region, for display
}

// Credentials describe the AWS identity that kubectl uses.
type Credentials struct {
	// Profile is from a command line: the flag, or --profile of the exec plugin. It takes
	// precedence over keys in the environment.
	Profile string
	// RoleARN is the flag's role, which is assumed before any call.
	RoleARN string
	// ExecRoleARN is the role that the exec plugin assumes to sign the token. It may have
	// no AWS permissions.
	ExecRoleARN, ExternalID, SessionName string
	// Tool is the exec plugin, which has its own order of credential sources.
	Tool awsclient.Tool
	// Env is the environment of the exec plugin in the kubeconfig. It overrides the
	// environment of the shell. Unset lists variables of the shell that the plugin does
	// not see.
	Env   map[string]string
	Unset []string
	// Wrapper is the program that runs the exec plugin, for example aws-vault. Its
	// credentials are not available here. It is usually empty. Launcher is its command
	// line, if that can start another program: aws-vault exec prod --.
	Wrapper, Launcher string
	// EndpointURL is the flag, or --endpoint-url of the exec plugin.
	EndpointURL string
}

// Resolve returns the cluster and the credentials of a context. Its errors have a hint;
// one is a *NotEKSError if the context belongs to another kind of cluster.
func Resolve(cfg clientcmdapi.Config, o Options) (Target, error) {
	t := Target{
		Context:     o.Context,
		Credentials: Credentials{Profile: o.Profile, RoleARN: o.RoleARN, EndpointURL: o.EndpointURL},
	}
	if o.ClusterName != "" && !validName(o.ClusterName) {
		return Target{}, hint.Wrap(fmt.Errorf("%q is not a valid EKS cluster name", o.ClusterName),
			"aws eks list-clusters")
	}
	if o.Region != "" && !validRegion(o.Region) {
		return Target{}, hint.Wrap(fmt.Errorf("%q is not a valid AWS region", o.Region),
			"use a region such as us-west-2")
	}
	cluster, user, err := entries(cfg, &t, o)
	if err != nil {
		return Target{}, err
	}
	if cluster != nil {
		t.Server = cluster.Server
		if !cluster.InsecureSkipTLSVerify {
			t.TLSServerName = cluster.TLSServerName
		}
	}
	var call execCall
	if user != nil && user.Exec != nil {
		call = parseExec(user.Exec)
		t.addCall(call)
	}
	if err := t.identify(call, o); err != nil {
		return Target{}, err
	}
	return t, nil
}

// entries returns the context's cluster and user. They may be nil if flags name the cluster.
func entries(cfg clientcmdapi.Config, t *Target, o Options) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	byFlags := o.ClusterName != ""
	t.Context = cmp.Or(t.Context, cfg.CurrentContext)
	if t.Context == "" {
		if byFlags {
			return nil, nil, nil
		}
		if len(cfg.Contexts) == 0 {
			return nil, nil, hint.New("no kubeconfig with a context was found",
				"aws eks update-kubeconfig --name CLUSTER --region REGION")
		}
		return nil, nil, hint.New("no current context is set", "kubectl config use-context NAME, or pass --context")
	}
	kubeContext, found := cfg.Contexts[t.Context]
	if !found || kubeContext == nil {
		return nil, nil, hint.Wrap(fmt.Errorf("context %q does not exist", t.Context), "kubectl config get-contexts")
	}
	t.ClusterEntry = kubeContext.Cluster
	cluster, found := cfg.Clusters[kubeContext.Cluster]
	if !found || cluster == nil {
		if byFlags {
			return nil, cfg.AuthInfos[kubeContext.AuthInfo], nil
		}
		return nil, nil,
			hint.Wrap(fmt.Errorf("context %q names cluster entry %q, which the kubeconfig does not contain",
				t.Context, kubeContext.Cluster), "kubectl config view")
	}
	return cluster, cfg.AuthInfos[kubeContext.AuthInfo], nil
}

func (t *Target) addCall(call execCall) {
	c := &t.Credentials
	c.Tool, c.Env, c.Unset = call.awsTool(), call.env, call.unset
	c.Wrapper, c.Launcher = call.wrapper, call.launcher
	c.ExecRoleARN, c.ExternalID, c.SessionName = call.role, call.externalID, call.sessionName
	c.Profile = cmp.Or(c.Profile, call.profile)
	c.EndpointURL = cmp.Or(c.EndpointURL, call.endpointURL)
}

// identify sets the name and region. Flags come first, then the cluster entry, because aws
// eks update-kubeconfig always writes the ARN there. Context and user names are chosen by
// the user and ignored.
func (t *Target) identify(call execCall, o Options) error {
	entry, isARN := ParseClusterARN(t.ClusterEntry)
	host, isEndpoint := ParseEndpoint(t.Server)
	eksctlName, eksctlRegion, isEksctl := parseEksctl(t.ClusterEntry)

	var names, regions []found
	add := func(name, region, from string) {
		if name != "" {
			names = append(names, found{name, from})
		}
		if region != "" {
			regions = append(regions, found{region, from})
		}
	}
	add(o.ClusterName, o.Region, "flag")
	if isARN {
		add(entry.Name, entry.Region, "ARN of the cluster entry")
	}
	if isEndpoint {
		add("", host.Region, "host of the endpoint")
	}
	switch {
	case call.tool == toolAWS:
		add(call.clusterName, call.region, "aws eks get-token")
	case call.tool == toolAuthenticator && validName(call.clusterName):
		add(call.clusterName, call.region, "aws-iam-authenticator")
	}
	if isEksctl {
		add(eksctlName, eksctlRegion, "eksctl name of the cluster entry")
	}
	if len(names) == 0 {
		return t.notFound(call, isEndpoint)
	}
	t.Name, t.NameByFlag = names[0].value, o.ClusterName != ""
	if !t.NameByFlag {
		for _, other := range names[1:] {
			if other.value != t.Name {
				return hint.Wrap(fmt.Errorf("context %q contradicts itself: the %s names cluster %q, the %s names %q",
					t.Context, names[0].from, t.Name, other.from, other.value),
					"select one with --cluster-name and --region, or write the context again: "+
						"aws eks update-kubeconfig --name CLUSTER --region REGION")
			}
		}
	}
	t.Evidence = append(t.Evidence, "cluster "+t.Name+" by "+names[0].from)
	if len(regions) > 0 {
		t.Region = regions[0].value
		t.Evidence = append(t.Evidence, "region "+t.Region+" by "+regions[0].from)
		t.Partition = PartitionOf(t.Region)
	}
	if isARN && entry.Name == t.Name && entry.Region == t.Region {
		t.ARN, t.Account, t.Partition = t.ClusterEntry, entry.Account, entry.Partition
	}
	return nil
}

type found struct{ value, from string }

func (t *Target) notFound(call execCall, isEndpoint bool) error {
	if isEndpoint {
		return hint.Wrap(
			fmt.Errorf("context %q leads to an EKS endpoint, but the kubeconfig does not contain the cluster's name",
				t.Context), "pass --cluster-name")
	}
	server := cmp.Or(t.Server, "(none)")
	why := fmt.Sprintf("its cluster entry %q is not the ARN of a cluster, its server %s is not an EKS endpoint, "+
		"and its user runs neither aws eks get-token nor aws-iam-authenticator", t.ClusterEntry, server)
	if call.tool == toolAuthenticator {
		why = fmt.Sprintf("its user runs aws-iam-authenticator for %q, which is not a valid EKS cluster name, "+
			"and its server %s is not an EKS endpoint", call.clusterName, server)
	}
	return &NotEKSError{
		Context: t.Context, Server: t.Server, LooksLike: looksLike(t.ClusterEntry, t.Context, t.Server), Why: why,
	}
}

// parseEksctl parses "name.region.eksctl.io", with or without a "user@" prefix. The user
// may contain an @; cluster names contain no dots.
func parseEksctl(s string) (name, region string, ok bool) {
	s = s[strings.LastIndexByte(s, '@')+1:]
	s, ok = strings.CutSuffix(s, ".eksctl.io")
	if !ok {
		return "", "", false
	}
	name, region, ok = strings.Cut(s, ".")
	return name, region, ok && validName(name) && validRegion(region)
}
