package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kubeconfig"
)

func newEnv(g *globals) *cobra.Command {
	var user, output string
	cmd := &cobra.Command{
		Use: "env", Short: `Print shell commands that select the lab: eval "$(eks-lab env)"`, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, config, err := g.lab()
			if err != nil {
				return err
			}
			u, err := config.FindUser(user)
			if err != nil {
				return err
			}
			env := kubeconfig.NewEnvironment(dir, config, u)
			if output == "json" {
				return printJSON(g.stdout, env)
			}
			_, err = fmt.Fprint(g.stdout, env.Shell())
			return err
		},
	}
	cmd.Flags().StringVar(&user, "person", "", "User whose credentials to print (default: the user given to up)")
	outputFlag(cmd, &output)
	return cmd
}
