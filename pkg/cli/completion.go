package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// completeScript is what kubectl runs as kubectl_complete-eks_encrypt.
const completeScript = `#!/usr/bin/env sh
exec kubectl eks-encrypt __complete "$@"
`

func newCompletion(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "completion kubectl",
		Short:   "Print the script that lets kubectl complete this plugin",
		GroupID: groupOther,
		Long: `Prints the script that kubectl runs to complete this plugin's commands and flags.
Put it on your PATH as kubectl_complete-eks_encrypt and make it executable; kubectl's
own completion must be set up in your shell.`,
		Example: `  # For the current user
  kubectl eks-encrypt completion kubectl > ~/.local/bin/kubectl_complete-eks_encrypt
  chmod +x ~/.local/bin/kubectl_complete-eks_encrypt

  # For everybody on this machine
  kubectl eks-encrypt completion kubectl | sudo tee /usr/local/bin/kubectl_complete-eks_encrypt
  sudo chmod +x /usr/local/bin/kubectl_complete-eks_encrypt`,
		Annotations: map[string]string{withoutOutput: "true"},
		ValidArgs:   []string{"kubectl"},
		RunE: check(func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "kubectl" {
				return usage(cmd, "say which completion: only \"kubectl\" is known, since shells complete plugins through kubectl")
			}
			_, err := fmt.Fprint(g.Out, completeScript)
			return err
		}),
	}
	return cmd
}

// completeGlobals completes the values of the flags that every command takes.
func completeGlobals(root *cobra.Command, g *globals) {
	fixed := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	offline := func(list func(clientcmdapi.Config) []string) cobra.CompletionFunc {
		return g.proposals(awsTime, func(_ context.Context, g *globals) []string {
			raw, err := g.kubeconfig()
			if err != nil {
				return nil
			}
			return list(raw)
		})
	}
	register(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return append(output.Formats(), moreFormatsOf(cmd)...), cobra.ShellCompDirectiveNoFileComp
	})
	register(root, "color", fixed("auto", "always", "never"))
	register(root, "context", offline(func(c clientcmdapi.Config) []string { return slices.Collect(maps.Keys(c.Contexts)) }))
	register(root, "cluster", offline(func(c clientcmdapi.Config) []string { return slices.Collect(maps.Keys(c.Clusters)) }))
	register(root, "user", offline(func(c clientcmdapi.Config) []string { return slices.Collect(maps.Keys(c.AuthInfos)) }))
	register(root, "namespace", g.proposals(apiTime, namespaces))
	register(root, "cluster-name", g.proposals(awsTime, clusterNames))
	register(root, "region", g.proposals(awsTime, regions))
	register(root, "v", fixed("0", "2", "4", "6", "8"))
	withoutFiles(root)
}

// withoutFiles keeps shells from proposing files where no argument is one.
func withoutFiles(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, c := range cmd.Commands() {
		withoutFiles(c)
	}
}

func register(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // a flag of that name doesn't exist: a mistake in this program
	}
}

// contexts lists the kube contexts.
func (g *globals) contexts() []string {
	raw, err := g.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(raw.Contexts))
}
