// Package binding tells which EKS cluster a kube context leads to, and as whom
// kubectl acts there. It reads the kubeconfig and nothing else.
package binding

import (
	"fmt"
	"strings"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Options are what the user said on the command line. They overrule the kubeconfig.
type Options struct {
	// Context is the kube context; empty means the current one.
	Context string
	// ClusterName and Region name the EKS cluster.
	ClusterName, Region string
	// Profile, RoleARN and EndpointURL say as whom and where to ask AWS.
	Profile, RoleARN, EndpointURL string
}

// Target is the EKS cluster behind a context, as far as the kubeconfig tells.
type Target struct {
	Context      string
	ClusterEntry string // name of the kubeconfig's cluster entry
	Server       string // URL that kubectl talks to
	// TLSServerName is the name that kubectl demands of the server's certificate,
	// when the kubeconfig sets one and the certificate is verified at all.
	TLSServerName string

	ARN                string // as the cluster entry is named, or empty
	Name               string // never empty
	Region             string // may be empty: then the AWS configuration must tell
	Account, Partition string // known only with an ARN, as a rule
	NameByFlag         bool   // the name is the user's word
	Credentials        Credentials
	Evidence           []string // what the name and region rest on, for people

}

// Credentials are hints on whom kubectl acts as.
type Credentials struct {
	// Profile was named on a command line (flag, or --profile of the exec plugin):
	// it wins over keys in the environment.
	Profile string
	// RoleARN is to be assumed before any call: the user's flag.
	RoleARN string
	// ExecRoleARN is the role that the exec plugin assumes to sign the token. It
	// may be allowed nothing in AWS.
	ExecRoleARN, ExternalID, SessionName string
	// Env is the environment that the kubeconfig gives to the exec plugin. It has
	// the meaning of environment variables and overrides the shell's.
	Env map[string]string
	// Wrapper is the program around the exec plugin (aws-vault, for instance),
	// whose credentials can't be had here; empty as a rule.
	Wrapper string
	// EndpointURL is the user's flag, or --endpoint-url of the exec plugin.
	EndpointURL string
}

// Resolve reads the cluster and the credentials out of the kubeconfig. Errors are
// a *ConfigError (what is missing, and the next command) or a *NotEKSError.
func Resolve(cfg clientcmdapi.Config, o Options) (Target, error) {
	t := Target{Context: o.Context, Credentials: Credentials{Profile: o.Profile, RoleARN: o.RoleARN, EndpointURL: o.EndpointURL}}
	if o.ClusterName != "" && !validName(o.ClusterName) {
		return Target{}, &ConfigError{Problem: fmt.Sprintf("%q is no name of an EKS cluster", o.ClusterName), Next: "aws eks list-clusters"}
	}
	if o.Region != "" && !validRegion(o.Region) {
		return Target{}, &ConfigError{Problem: fmt.Sprintf("%q is no AWS region", o.Region), Next: "use a region such as us-west-2"}
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

// entries finds the context's cluster and user. All may be missing when the flags
// name the cluster.
func entries(cfg clientcmdapi.Config, t *Target, o Options) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	byFlags := o.ClusterName != ""
	if t.Context == "" {
		t.Context = cfg.CurrentContext
	}
	if t.Context == "" {
		if byFlags {
			return nil, nil, nil
		}
		if len(cfg.Contexts) == 0 {
			return nil, nil, &ConfigError{Problem: "no kubeconfig with a context was found", Next: "aws eks update-kubeconfig --name CLUSTER --region REGION"}
		}
		return nil, nil, &ConfigError{Problem: "no current context is set", Next: "kubectl config use-context NAME, or pass --context"}
	}
	kubeContext, found := cfg.Contexts[t.Context]
	if !found || kubeContext == nil {
		return nil, nil, &ConfigError{Problem: fmt.Sprintf("context %q does not exist", t.Context), Next: "kubectl config get-contexts"}
	}
	t.ClusterEntry = kubeContext.Cluster
	cluster, found := cfg.Clusters[kubeContext.Cluster]
	if !found || cluster == nil {
		if byFlags {
			return nil, cfg.AuthInfos[kubeContext.AuthInfo], nil
		}
		return nil, nil, &ConfigError{Problem: fmt.Sprintf("context %q names the cluster %q, which the kubeconfig does not have", t.Context, kubeContext.Cluster), Next: "kubectl config view"}
	}
	return cluster, cfg.AuthInfos[kubeContext.AuthInfo], nil
}

func (t *Target) addCall(call execCall) {
	c := &t.Credentials
	c.Env, c.Wrapper = call.env, call.wrapper
	c.ExecRoleARN, c.ExternalID, c.SessionName = call.role, call.externalID, call.sessionName
	if c.Profile == "" {
		c.Profile = call.profile
	}
	if c.EndpointURL == "" {
		c.EndpointURL = call.endpointURL
	}
}

// identify weighs the evidence. The cluster entry's name comes first since aws eks
// update-kubeconfig always writes the ARN there; names of contexts and users are
// the user's own words and count for nothing.
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
				return &ConfigError{
					Problem: fmt.Sprintf("context %q contradicts itself: the %s says cluster %q, the %s says %q", t.Context, names[0].from, t.Name, other.from, other.value),
					Next:    "say which one with --cluster-name and --region, or write the context anew: aws eks update-kubeconfig --name CLUSTER --region REGION",
				}
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
		return &ConfigError{
			Problem: fmt.Sprintf("context %q leads to an EKS endpoint, but nothing in the kubeconfig tells the cluster's name", t.Context),
			Next:    "pass --cluster-name",
		}
	}
	why := fmt.Sprintf("its cluster entry %q is no ARN of a cluster, its server %s is no EKS endpoint, and its user asks neither aws eks get-token nor aws-iam-authenticator for a token", t.ClusterEntry, orNone(t.Server))
	if call.tool == toolAuthenticator {
		why = fmt.Sprintf("its user asks aws-iam-authenticator, but for %q, which can't be the name of an EKS cluster, and its server %s is no EKS endpoint", call.clusterName, orNone(t.Server))
	}
	return &NotEKSError{Context: t.Context, Server: t.Server, LooksLike: looksLike(t.ClusterEntry, t.Context, t.Server), Why: why}
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// parseEksctl reads "name.region.eksctl.io", also behind a user and an @: the user
// may hold an @ of its own, names of clusters have no dots.
func parseEksctl(s string) (name, region string, ok bool) {
	s = s[strings.LastIndexByte(s, '@')+1:]
	s, ok = strings.CutSuffix(s, ".eksctl.io")
	if !ok {
		return "", "", false
	}
	name, region, ok = strings.Cut(s, ".")
	return name, region, ok && validName(name) && validRegion(region)
}
