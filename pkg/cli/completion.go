package cli

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

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
  chmod +x ~/.local/bin/kubectl_complete-eks_encrypt`,
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
// Nothing here asks the network.
func completeGlobals(root *cobra.Command, g *globals) {
	fixed := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	register(root, "output", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return append(slices.Clone(output.Formats), moreFormatsOf(cmd)...), cobra.ShellCompDirectiveNoFileComp
	})
	register(root, "color", fixed("auto", "always", "never"))
	register(root, "context", func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return g.contexts(prefix), cobra.ShellCompDirectiveNoFileComp
	})
}

func register(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err) // a flag of that name doesn't exist: a mistake in this program
	}
}

// contexts lists the kube contexts that begin with the prefix.
func (g *globals) contexts(prefix string) []string {
	raw, err := g.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	var names []string
	for name := range raw.Contexts {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
