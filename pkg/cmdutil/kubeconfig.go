package cmdutil

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/pflag"
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

// Bind binds a kube context to the EKS cluster that it names; "" is the context of --context, or the current one. The
// flags override the context. This function alone turns flags into a cluster and a connection. It calls nothing: see
// Connect.
func (f *Factory) Bind(kubeContext string) (*binding.Binding, error) {
	b, err := f.bind(kubeContext)
	if kubeContext == "" {
		f.bound = b
	}
	return b, err
}

func (f *Factory) bind(kubeContext string) (*binding.Binding, error) {
	raw, err := f.Kubeconfig()
	if err != nil {
		return binding.WithoutContext(f.bindingOptions()), err
	}
	o := f.bindingOptions()
	if kubeContext != "" {
		o.Context = kubeContext
	}
	connection, inPod, connectionErr := f.connection(raw, o)
	o.Connection, o.InPod = connection, inPod
	t, err := binding.Resolve(raw, o)
	return binding.New(t, connection, connectionErr), err
}

func (f *Factory) bindingOptions() binding.Options {
	return binding.Options{
		Context: value(f.Kube.Context), ClusterEntry: value(f.Kube.ClusterName), User: value(f.Kube.AuthInfoName),
		ClusterName: f.AWS.ClusterName, Region: f.AWS.Region,
		Profile: f.AWS.Profile, RoleARN: f.AWS.RoleARN, EndpointURL: f.AWS.EndpointURL,
	}
}

// WithoutContext returns the binding that the AWS flags alone describe, without a kubeconfig.
func (f *Factory) WithoutContext() *binding.Binding {
	return binding.WithoutContext(f.bindingOptions())
}

// connection returns the connection that kubectl would use in the context, with every flag of kubectl applied, and
// whether it is that of a pod. It is nil if kubectl would only try the default address on this host.
func (f *Factory) connection(raw clientcmdapi.Config, o binding.Options) (config *rest.Config, inPod bool, err error) {
	flags, err := f.kubeFlags(o.Context)
	if err != nil {
		return nil, false, err
	}
	config, err = flags.ToRESTConfig()
	if err != nil {
		return nil, false, fmt.Errorf("read kubeconfig: %w", err)
	}
	entry := o.ClusterEntry
	if kubeContext := raw.Contexts[cmp.Or(o.Context, raw.CurrentContext)]; kubeContext != nil {
		entry = cmp.Or(entry, kubeContext.Cluster)
	}
	if raw.Clusters[entry] == nil && value(f.Kube.APIServer) == "" {
		if config, err = podConnection(f.inCluster, config); config == nil {
			return nil, false, err
		}
		inPod = true
	}
	config.UserAgent = UserAgent + "/" + f.Version
	config.QPS = -1 // unlimited
	config.WarningHandler = rest.NoWarnings{}
	return config, inPod, nil
}

// kubeFlags returns a copy of kubectl's flags with another context. It copies each flag by its name, so that no flag
// can be forgotten.
func (f *Factory) kubeFlags(kubeContext string) (*genericclioptions.ConfigFlags, error) {
	from, to := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	flags := genericclioptions.NewConfigFlags(false)
	f.Kube.AddFlags(from)
	flags.AddFlags(to)
	var err error
	from.VisitAll(func(flag *pflag.Flag) {
		target := to.Lookup(flag.Name)
		if list, isList := flag.Value.(pflag.SliceValue); isList {
			err = errors.Join(err, target.Value.(pflag.SliceValue).Replace(list.GetSlice()))
			return
		}
		err = errors.Join(err, target.Value.Set(flag.Value.String()))
	})
	flags.Context = &kubeContext
	return flags, err
}
