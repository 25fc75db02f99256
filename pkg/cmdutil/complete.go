package cmdutil

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Limits on the time of a completion: no proposal is better than a shell that hangs.
// The API server gets longer because the credential plugin must start first.
const (
	completeAWSTimeout = 3 * time.Second
	completeAPITimeout = 10 * time.Second
)

// CompleteFlag completes a flag with fixed values.
func CompleteFlag(cmd *cobra.Command, flag string, values ...string) {
	register(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func register(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // the flag does not exist: an error in this program
	}
}

// CompleteGlobalFlags completes the values of the flags of every command.
func CompleteGlobalFlags(root *cobra.Command, f *Factory) {
	names := func(list func(clientcmdapi.Config) iter.Seq[string]) cobra.CompletionFunc {
		return f.proposals(completeAWSTimeout, func(_ context.Context, f *Factory) []string {
			raw, err := f.Kubeconfig()
			if err != nil {
				return nil
			}
			return slices.Collect(list(raw))
		})
	}
	register(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return append(output.Formats(), ExtraFormats(cmd)...), cobra.ShellCompDirectiveNoFileComp
	})
	CompleteFlag(root, "color", "auto", "always", "never")
	CompleteFlag(root, "v", "0", "2", "4", "6", "8")
	register(root, "context", names(func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.Contexts) }))
	register(root, "cluster", names(func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.Clusters) }))
	register(root, "user", names(func(c clientcmdapi.Config) iter.Seq[string] { return maps.Keys(c.AuthInfos) }))
	register(root, "namespace", f.proposals(completeAPITimeout, namespaces))
	register(root, "cluster-name", f.proposals(completeAWSTimeout, clusterNames))
	register(root, "region", f.proposals(completeAWSTimeout, regions))
	withoutFiles(root)
}

// withoutFiles prevents file names as proposals where no argument is a file.
func withoutFiles(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, c := range cmd.Commands() {
		withoutFiles(c)
	}
}

// CompleteKey completes the first argument with the aliases of the region's keys.
func (f *Factory) CompleteKey() cobra.CompletionFunc {
	complete := f.proposals(completeAWSTimeout, keyAliases)
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, prefix)
	}
}

// proposals returns a completion with the values of list. Errors are dropped, because a
// completion cannot show them.
func (f *Factory) proposals(timeout time.Duration, list func(context.Context, *Factory) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		return withPrefix(list(ctx, f.Quiet()), prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// withPrefix returns the sorted, distinct, non-empty values with the prefix. A value with
// control characters cannot be typed, and the shell would write it to the terminal.
func withPrefix(values []string, prefix string) []string {
	kept := slices.DeleteFunc(values, func(v string) bool {
		return v == "" || !strings.HasPrefix(v, prefix) || v != sanitize.Line(v)
	})
	slices.Sort(kept)
	return slices.Compact(kept)
}

// contextTargets returns the EKS clusters of all contexts of the kubeconfig.
func (f *Factory) contextTargets() []binding.Target {
	var found []binding.Target
	for _, name := range f.Contexts() {
		if b, err := f.Bind(name); err == nil {
			found = append(found, b.Target)
		}
	}
	return found
}

func clusterNames(ctx context.Context, f *Factory) []string {
	f.AWS.ClusterName = "" // it may hold the incomplete name
	var names []string
	for _, t := range f.contextTargets() {
		names = append(names, t.Name)
	}
	if at, err := f.Location(ctx); err == nil {
		more, _ := eks.New(at.Clients.EKS()).ClusterNames(ctx) // the names before an error are valid
		names = append(names, more...)
	}
	return names
}

func regions(_ context.Context, f *Factory) []string {
	f.AWS.Region = ""
	names := binding.Regions()
	for _, t := range f.contextTargets() {
		names = append(names, t.Region)
	}
	return names
}

func keyAliases(ctx context.Context, f *Factory) []string {
	at, err := f.Location(ctx)
	if err != nil {
		return nil
	}
	names, _ := kms.AliasNames(ctx, at.Clients.KMS(at.Region))
	return names
}

func namespaces(ctx context.Context, f *Factory) []string {
	b, _ := f.Bind("") // the API server is enough
	config, err := b.REST()
	if err != nil {
		return nil
	}
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil
	}
	list, err := client.Namespaces().List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return nil
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}
