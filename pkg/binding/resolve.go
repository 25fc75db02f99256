// Package binding binds a kube context to an EKS cluster, once: which connection kubectl uses there with every flag
// applied, which cluster EKS describes, as whom AWS is called, and whether the connection leads to that cluster. It
// reads the kubeconfig, and the environment for the scripts in it.
//
// The guard answers the last question by evidence: the certificate of the address that kubectl connects to, the OIDC
// issuer of the API server, or the host name that TLS verification requires. Match means that the evidence shows one
// cluster, Mismatch that it shows two, Unverified that there is none, for example because TLS verification is off.
package binding

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Options are the values of command-line flags. They override the kubeconfig.
type Options struct {
	// Context is the kube context; empty means the current one.
	Context string
	// ClusterEntry and User are the entries of the kubeconfig that replace those of the context.
	ClusterEntry, User string
	// ClusterName is the name or the ARN of the EKS cluster.
	ClusterName, Region string
	// Profile, RoleARN and EndpointURL select the AWS identity and endpoint.
	Profile, RoleARN, EndpointURL string
	// Connection is kubectl's connection with every flag applied; nil if there is none.
	Connection *rest.Config
	// InPod is true if the connection is that of the pod in which the program runs.
	InPod bool
}

// Target is the EKS cluster of a kube context, as far as the kubeconfig and the flags identify it.
type Target struct {
	Context      string
	ClusterEntry string // name of the kubeconfig's cluster entry
	Server       string // URL that kubectl connects to; empty if it connects to none
	// TLSServerName is the name that kubectl requires in the server's certificate instead of the host.
	TLSServerName string
	// Insecure is true if kubectl does not verify the server's certificate.
	Insecure bool
	// InPod is true if the connection is that of the pod in which the program runs: a service account connects to an
	// address of the cluster's own network, and no kubeconfig names the cluster.
	InPod bool

	ARN                string // empty if neither a flag nor the cluster entry contains it
	Name               string // empty only if EKS must be searched for the cluster: see EndpointOnly and IssuerOnly
	Region             string // empty if only the AWS configuration can name it
	Account, Partition string // Account is known only with an ARN, Partition also with a region
	Credentials        Credentials

	// Claims are what the flags and the parts of the kubeconfig say about the cluster.
	Claims []Claim
}

// Claim is what a flag or a part of the kubeconfig says about the cluster. Empty fields are not said.
type Claim struct {
	Name, Region, Account string
	From                  string // the source, for messages
}

// EndpointOnly reports whether only the endpoint identifies the cluster, so that EKS must be searched for it.
func (t Target) EndpointOnly() bool {
	_, isEndpoint := ParseEndpoint(t.Server)
	return t.Name == "" && isEndpoint
}

// IssuerOnly reports whether only the OIDC issuer of the API server identifies the cluster, so that EKS must be
// searched for it: the program runs in a pod, and no flag names the cluster.
func (t Target) IssuerOnly() bool { return t.InPod && t.Name == "" && !t.EndpointOnly() }

// AccountClaim returns the account that a flag or the kubeconfig names, or "".
func (t Target) AccountClaim() string {
	for _, c := range t.Claims {
		if c.Account != "" {
			return c.Account
		}
	}
	return ""
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

// Resolve returns the cluster and the credentials of a context. Its errors have a hint. One is a *NotEKSError if the
// context belongs to another kind of cluster, or an *UnnamedError if it does not identify the cluster.
func Resolve(cfg clientcmdapi.Config, o Options) (Target, error) {
	t := Target{
		Context:     o.Context,
		InPod:       o.InPod,
		Credentials: Credentials{Profile: o.Profile, RoleARN: o.RoleARN, EndpointURL: o.EndpointURL},
	}
	flag, err := o.claim()
	if err != nil {
		return Target{}, err
	}
	cluster, user, err := entries(cfg, &t, o)
	if err != nil {
		return Target{}, err
	}
	if cluster != nil {
		t.Server, t.TLSServerName, t.Insecure = cluster.Server, cluster.TLSServerName, cluster.InsecureSkipTLSVerify
	}
	if c := o.Connection; c != nil {
		t.Server, t.TLSServerName, t.Insecure = c.Host, c.ServerName, c.Insecure
	}
	var call execCall
	if user != nil && user.Exec != nil {
		call = parseExec(user.Exec)
		t.addCall(call)
	}
	if err := t.identify(flag, call); err != nil {
		unnamed := new(UnnamedError)
		if place := knownPlace(&t, cluster, user); place != "" && errors.As(err, &unnamed) {
			return Target{}, &NotEKSError{Context: t.Context, Server: t.Server, LooksLike: place, Why: unnamed.Why}
		}
		return t, err
	}
	return t, nil
}

// claim returns the cluster that the flags name.
func (o Options) claim() (Claim, error) {
	if o.Region != "" && !validRegion(o.Region) {
		return Claim{}, hint.Wrap(fmt.Errorf("%q is not a valid AWS region", o.Region),
			"use a region such as us-west-2")
	}
	if a, isARN := ParseClusterARN(o.ClusterName); isARN {
		if o.Region != "" && o.Region != a.Region {
			return Claim{}, hint.Wrap(fmt.Errorf("--region %s contradicts --cluster-name %s", o.Region, o.ClusterName),
				"omit --region: the ARN contains it")
		}
		return Claim{Name: a.Name, Region: a.Region, Account: a.Account, From: "--cluster-name"}, nil
	}
	if o.ClusterName != "" && !validName(o.ClusterName) {
		return Claim{}, hint.Wrap(fmt.Errorf("%q is not a valid EKS cluster name or ARN", o.ClusterName),
			"aws eks list-clusters")
	}
	return Claim{Name: o.ClusterName, Region: o.Region, From: "a flag"}, nil
}

// entries returns the cluster and user of the context and the flags. They may be nil if flags name the cluster or
// the server.
func entries(cfg clientcmdapi.Config, t *Target, o Options) (*clientcmdapi.Cluster, *clientcmdapi.AuthInfo, error) {
	byFlags := o.ClusterName != "" || o.Connection != nil
	t.Context = cmp.Or(t.Context, cfg.CurrentContext)
	kubeContext := cfg.Contexts[t.Context]
	switch {
	case kubeContext != nil:
	case t.Context != "" && (o.Context != "" || !byFlags):
		return nil, nil, hint.Wrap(fmt.Errorf("context %q does not exist", t.Context), "kubectl config get-contexts")
	case byFlags || o.ClusterEntry != "":
		t.Context, kubeContext = "", &clientcmdapi.Context{}
	case len(cfg.Contexts) == 0:
		return nil, nil, hint.New("no kubeconfig with a context was found",
			"aws eks update-kubeconfig --name CLUSTER --region REGION")
	default:
		return nil, nil, hint.New("no current context is set", "kubectl config use-context NAME, or pass --context")
	}
	t.ClusterEntry = cmp.Or(o.ClusterEntry, kubeContext.Cluster)
	user := cfg.AuthInfos[cmp.Or(o.User, kubeContext.AuthInfo)]
	cluster := cfg.Clusters[t.ClusterEntry]
	if cluster != nil || byFlags {
		return cluster, user, nil
	}
	subject := fmt.Sprintf("context %q", t.Context)
	if o.ClusterEntry != "" {
		subject = "--cluster"
	}
	return nil, nil, hint.Wrap(fmt.Errorf("%s names cluster entry %q, which the kubeconfig does not contain",
		subject, t.ClusterEntry), "kubectl config view")
}

func (t *Target) addCall(call execCall) {
	c := &t.Credentials
	c.Tool, c.Env, c.Unset = call.awsTool(), call.env, call.unset
	c.Wrapper, c.Launcher = call.wrapper, call.launcher
	c.ExecRoleARN, c.ExternalID, c.SessionName = call.role, call.externalID, call.sessionName
	c.Profile = cmp.Or(c.Profile, call.profile)
	c.EndpointURL = cmp.Or(c.EndpointURL, call.endpointURL)
}

// identify sets the name and region. Flags come first, then the cluster entry, because aws eks update-kubeconfig always
// writes the ARN there. Context and user names are chosen by the user and ignored. A part of the kubeconfig that
// contradicts the flags stays a claim, which the guard compares with EKS.
func (t *Target) identify(flag Claim, call execCall) error {
	t.Claims = t.claims(call)
	contradiction := t.contradictory()
	if flag != (Claim{From: flag.From}) {
		t.Claims = append([]Claim{flag}, t.Claims...)
	}
	for _, c := range t.Claims {
		t.Name = cmp.Or(t.Name, c.Name)
		t.Region = cmp.Or(t.Region, c.Region)
	}
	if contradiction != "" && flag.Name == "" {
		return hint.Wrap(fmt.Errorf("context %q contradicts itself: %s", t.Context, contradiction),
			"write the context again: aws eks update-kubeconfig --name CLUSTER --region REGION")
	}
	if host, isEndpoint := ParseEndpoint(t.Server); isEndpoint {
		t.Region = cmp.Or(t.Region, host.Region)
	} else if t.Name == "" && !t.InPod {
		return t.unnamed(call)
	}
	if t.Region != "" {
		t.Partition = PartitionOf(t.Region)
	}
	for _, c := range t.Claims {
		if c.Account != "" && c.Name == t.Name && c.Region == t.Region {
			t.Account = c.Account
			t.ARN = fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", t.Partition, t.Region, t.Account, t.Name)
			break
		}
	}
	return nil
}

// claims returns what the parts of the kubeconfig say about the cluster.
func (t *Target) claims(call execCall) []Claim {
	var all []Claim
	if entry, isARN := ParseClusterARN(t.ClusterEntry); isARN {
		all = append(all, Claim{entry.Name, entry.Region, entry.Account, "the ARN of the cluster entry"})
	}
	if host, isEndpoint := ParseEndpoint(t.Server); isEndpoint && len(all) == 0 {
		all = append(all, Claim{Region: host.Region, From: "the host of the endpoint"})
	}
	if call.clusterName != "" && validName(call.clusterName) {
		from := "aws eks get-token"
		if call.tool == toolAuthenticator {
			from = "aws-iam-authenticator"
		}
		claim := Claim{Name: call.clusterName, Region: call.region, From: from}
		inherited := call.region == call.env["AWS_REGION"] || call.region == call.env["AWS_DEFAULT_REGION"]
		if inherited && len(all) > 0 { // it selects the endpoint of STS, not the cluster
			claim.Region = ""
		}
		all = append(all, claim)
	}
	if name, region, isEksctl := parseEksctl(t.ClusterEntry); isEksctl {
		all = append(all, Claim{Name: name, Region: region, From: "the eksctl name of the cluster entry"})
	}
	return all
}

// contradictory returns which two parts of the kubeconfig name different clusters, or "".
func (t *Target) contradictory() string {
	var first Claim
	for _, c := range t.Claims {
		switch {
		case c.Name == "":
		case first.Name == "":
			first = c
		case c.Name != first.Name:
			return fmt.Sprintf("%s names cluster %q, %s names %q", first.From, first.Name, c.From, c.Name)
		}
	}
	return ""
}

func (t *Target) unnamed(call execCall) error {
	why := fmt.Sprintf("the cluster entry %q is not the ARN of a cluster, the server %s is not an EKS endpoint, "+
		"and the user runs neither aws eks get-token nor aws-iam-authenticator", t.ClusterEntry,
		cmp.Or(sanitize.URLs(t.Server), "(none)"))
	if call.tool == toolAuthenticator {
		why = fmt.Sprintf("the user runs aws-iam-authenticator for %q, which is not a valid EKS cluster name, "+
			"and the server %s is not an EKS endpoint", call.clusterName, sanitize.URLs(t.Server))
	}
	return &UnnamedError{Context: t.Context, Why: why}
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
