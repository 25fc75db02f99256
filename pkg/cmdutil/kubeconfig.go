package cmdutil

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"al.essio.dev/pkg/shellescape"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Kubeconfig returns a copy of the merged kubeconfig that kubectl would use.
func (f *Factory) Kubeconfig() (clientcmdapi.Config, error) {
	raw, err := f.Kube.ToRawKubeConfigLoader().RawConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return *clientcmdapi.NewConfig(), nil
	case err != nil:
		return clientcmdapi.Config{}, hint.Wrap(fmt.Errorf("read kubeconfig: %w", err), "check --kubeconfig and KUBECONFIG")
	}
	return *raw.DeepCopy(), nil
}

// Contexts returns the sorted names of the kube contexts. It returns none if the
// kubeconfig cannot be read.
func (f *Factory) Contexts() []string {
	raw, err := f.Kubeconfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(raw.Contexts))
}

// Target finds the EKS cluster of a kube context; "" is the context of --context, or
// the current one. The flags override the context.
func (f *Factory) Target(kubeContext string) (binding.Target, error) {
	raw, err := f.Kubeconfig()
	if err != nil {
		return binding.Target{}, err
	}
	if kubeContext == "" {
		kubeContext = value(f.Kube.Context)
	}
	return binding.Resolve(f.overlay(raw, kubeContext), binding.Options{
		Context: kubeContext, ClusterName: f.AWS.ClusterName, Region: f.AWS.Region,
		Profile: f.AWS.Profile, RoleARN: f.AWS.RoleARN, EndpointURL: f.AWS.EndpointURL,
	})
}

// CurrentContext returns the name of the context of --context, or of the current one. The
// context may lead to something other than an EKS cluster.
func (f *Factory) CurrentContext() (string, error) {
	t, err := f.Target("")
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return notEKS.Context, nil
	}
	return t.Context, err
}

// FlagTarget returns the target that the AWS flags alone describe, without a kubeconfig.
func (f *Factory) FlagTarget() binding.Target {
	t := binding.Target{Region: f.AWS.Region, Credentials: binding.Credentials{
		Profile: f.AWS.Profile, RoleARN: f.AWS.RoleARN, EndpointURL: f.AWS.EndpointURL,
	}}
	if t.Region != "" {
		t.Partition = binding.PartitionOf(t.Region)
	}
	return t
}

// overlay applies --cluster, --user, --server and --tls-server-name to a context.
func (f *Factory) overlay(raw clientcmdapi.Config, name string) clientcmdapi.Config {
	if name == "" {
		name = raw.CurrentContext
	}
	kubeContext := raw.Contexts[name]
	if kubeContext == nil {
		return raw
	}
	if v := value(f.Kube.ClusterName); v != "" {
		kubeContext.Cluster = v
	}
	if v := value(f.Kube.AuthInfoName); v != "" {
		kubeContext.AuthInfo = v
	}
	if cluster := raw.Clusters[kubeContext.Cluster]; cluster != nil {
		if v := value(f.Kube.APIServer); v != "" {
			cluster.Server = v
		}
		if v := value(f.Kube.TLSServerName); v != "" {
			cluster.TLSServerName = v
		}
		if f.Kube.Insecure != nil && *f.Kube.Insecure {
			cluster.InsecureSkipTLSVerify = true
		}
	}
	return raw
}

// REST returns the connection to the API server that kubectl would use.
func (f *Factory) REST() (*rest.Config, error) { return f.restConfig(f.Kube) }

// RESTOf returns the connection to the API server of another context, with the
// impersonation and timeout of the flags.
func (f *Factory) RESTOf(kubeContext string) (*rest.Config, error) {
	flags := genericclioptions.NewConfigFlags(false)
	flags.Context, flags.KubeConfig, flags.Timeout = &kubeContext, f.Kube.KubeConfig, f.Kube.Timeout
	flags.Impersonate, flags.ImpersonateUID = f.Kube.Impersonate, f.Kube.ImpersonateUID
	flags.ImpersonateGroup = f.Kube.ImpersonateGroup
	return f.restConfig(flags)
}

func (f *Factory) restConfig(flags *genericclioptions.ConfigFlags) (*rest.Config, error) {
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.UserAgent = UserAgent + "/" + f.Version
	config.QPS = -1 // unlimited
	config.WarningHandler = rest.NoWarnings{}
	return config, nil
}

// RepeatFlags returns the flags, each after a space, with which a further command
// selects the same cluster and the same AWS principal as t.
func (f *Factory) RepeatFlags(t binding.Target) string {
	words := ""
	for _, flag := range [][2]string{
		{"--context", t.Context}, {"--kubeconfig", value(f.Kube.KubeConfig)},
		{"--cluster-name", f.AWS.ClusterName}, {"--region", f.AWS.Region}, {"--profile", f.AWS.Profile},
		{"--role-arn", f.AWS.RoleARN}, {"--external-id", f.AWS.ExternalID}, {"--endpoint-url", f.AWS.EndpointURL},
	} {
		if flag[1] != "" {
			words += " " + flag[0] + " " + shellescape.Quote(flag[1])
		}
	}
	return words
}
