package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// completeScript is the program that kubectl runs as kubectl_complete-eks_encrypt.
const completeScript = `#!/usr/bin/env sh
exec kubectl eks-encrypt __complete "$@"
`

func newCompletion(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "completion kubectl",
		Short: "Print the script that lets kubectl complete this plugin",
		Long: `Prints the script that kubectl runs to complete this plugin's commands and flags.
Put it on your PATH as kubectl_complete-eks_encrypt and make it executable. kubectl's
own completion must be set up in your shell.`,
		Example: `  # For the current user
  kubectl eks-encrypt completion kubectl > ~/.local/bin/kubectl_complete-eks_encrypt
  chmod +x ~/.local/bin/kubectl_complete-eks_encrypt

  # For every user of this machine
  kubectl eks-encrypt completion kubectl | sudo tee /usr/local/bin/kubectl_complete-eks_encrypt
  sudo chmod +x /usr/local/bin/kubectl_complete-eks_encrypt`,
		Annotations: map[string]string{cmdutil.WithoutOutput: "true"},
		ValidArgs:   []string{"kubectl"},
		RunE: cmdutil.Check(func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "kubectl" {
				return cmdutil.UsageErrorf("completion needs the argument \"kubectl\": shells complete plugins through kubectl")
			}
			_, err := fmt.Fprint(f.Out, completeScript)
			return err
		}),
	}
}
