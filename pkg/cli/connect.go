package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"golang.org/x/term"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// kubeconfig is what kubectl would use: the files, with the flags that overrule
// single entries laid over the context.
func (g *globals) kubeconfig() (clientcmdapi.Config, error) {
	raw, err := g.kube.ToRawKubeConfigLoader().RawConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return *clientcmdapi.NewConfig(), nil
	case err != nil:
		return clientcmdapi.Config{}, hinted(fmt.Errorf("reading the kubeconfig: %w", err), "check --kubeconfig and KUBECONFIG")
	}
	return *raw.DeepCopy(), nil
}

// overlay applies --cluster, --user, --server and --tls-server-name to a context.
func (g *globals) overlay(raw clientcmdapi.Config, name string) clientcmdapi.Config {
	if name == "" {
		name = raw.CurrentContext
	}
	kubeContext := raw.Contexts[name]
	if kubeContext == nil {
		return raw
	}
	if v := value(g.kube.ClusterName); v != "" {
		kubeContext.Cluster = v
	}
	if v := value(g.kube.AuthInfoName); v != "" {
		kubeContext.AuthInfo = v
	}
	if cluster := raw.Clusters[kubeContext.Cluster]; cluster != nil {
		if v := value(g.kube.APIServer); v != "" {
			cluster.Server = v
		}
		if v := value(g.kube.TLSServerName); v != "" {
			cluster.TLSServerName = v
		}
		if g.kube.Insecure != nil && *g.kube.Insecure {
			cluster.InsecureSkipTLSVerify = true
		}
	}
	return raw
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// target tells which EKS cluster the context is; an empty name is the current one.
func (g *globals) target(kubeContext string) (binding.Target, error) {
	raw, err := g.kubeconfig()
	if err != nil {
		return binding.Target{}, err
	}
	if kubeContext == "" {
		kubeContext = value(g.kube.Context)
	}
	return binding.Resolve(g.overlay(raw, kubeContext), binding.Options{
		Context: kubeContext, ClusterName: g.aws.clusterName, Region: g.aws.region,
		Profile: g.aws.profile, RoleARN: g.aws.roleARN, EndpointURL: g.aws.endpointURL,
	})
}

// connect makes the AWS clients that act as kubectl does in this context, and
// fills in the region where only the AWS configuration knows it.
func (g *globals) connect(ctx context.Context, t *binding.Target) (*awsclient.Clients, error) {
	timeout, err := g.requestTimeout()
	if err != nil {
		return nil, err
	}
	o := awsclient.Options{
		Region: t.Region, Profile: t.Credentials.Profile, RoleARN: t.Credentials.RoleARN,
		EndpointURL: t.Credentials.EndpointURL, Env: t.Credentials.Env, RequestTimeout: timeout, Version: g.version,
	}
	if g.interactive() {
		o.TokenProvider = stscreds.StdinTokenProvider
	}
	clients, err := awsclient.New(ctx, o)
	if err != nil {
		return nil, err
	}
	if t.Region == "" {
		t.Region = clients.Region()
		t.Partition = binding.PartitionOf(t.Region)
	}
	return clients, nil
}

// interactive says whether somebody can be asked: stdin and stderr are terminals.
func (g *globals) interactive() bool {
	in, ok := g.In.(*os.File)
	out, ok2 := g.ErrOut.(*os.File)
	return ok && ok2 && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// inspect asks about one cluster. The report is there even with an error, and says
// what is known; the error is why the verdict is Unknown.
func (g *globals) inspect(ctx context.Context, t binding.Target) (inspect.Result, *awsclient.Clients) {
	clients, err := g.connect(ctx, &t)
	if err != nil {
		return inspect.Result{Report: inspect.Unknown(t, err), Err: err}, nil
	}
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: eks.New(clients.EKS()),
		Key: inspect.KeyFrom(func(region string) kms.Reader { return clients.KMS(region) }),
	}, t)
	result.Report.Notes = append(result.Report.Notes, provenance(t, clients)...)
	if role := t.Credentials.ExecRoleARN; result.Err != nil && role != "" && t.Credentials.RoleARN == "" &&
		awsclient.KindOf(result.Err) == awsclient.KindAccessDenied {
		result.Err = hinted(result.Err, "kubectl signs its token as %s; to ask AWS as that role, too, pass --role-arn %s", role, role)
	}
	return result, clients
}

// provenance is what the reader must know of where the answers come from.
func provenance(t binding.Target, clients *awsclient.Clients) []string {
	var notes, urls []string
	byURL := map[string][]string{}
	for _, e := range clients.Endpoints() {
		key := e.URL + " (" + e.Source + ")"
		if byURL[key] == nil {
			urls = append(urls, key)
		}
		byURL[key] = append(byURL[key], e.Service)
	}
	for _, url := range urls {
		verb := "is"
		if len(byURL[url]) > 1 {
			verb = "are"
		}
		notes = append(notes, fmt.Sprintf("an endpoint override is in force: %s %s asked at %s", strings.Join(byURL[url], " and "), verb, url))
	}
	if w := t.Credentials.Wrapper; w != "" {
		notes = append(notes, fmt.Sprintf("kubectl gets its credentials through %s; this report was made with the AWS configuration around it, which may be another principal", w))
	}
	return notes
}

// isContextEnd says whether the error is only that somebody interrupted.
func isContextEnd(err error) bool { return errors.Is(err, context.Canceled) }
