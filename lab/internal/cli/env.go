package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kubeconfig"
)

func newEnv(g *globals) *cobra.Command {
	var person, output string
	cmd := &cobra.Command{
		Use: "env", Short: `Print what to eval: eval "$(eks-lab env)"`, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, config, err := g.lab()
			if err != nil {
				return err
			}
			if person == "" {
				person = config.Person
			}
			p, err := config.Find(person)
			if err != nil {
				return err
			}
			env := kubeconfig.For(dir, config, p)
			if output == "json" {
				set := map[string]string{}
				for _, pair := range env.Set {
					set[pair[0]] = pair[1]
				}
				return printJSON(g.stdout, map[string]any{"set": set, "unset": env.Unset, "pathPrefix": env.PathPrefix})
			}
			_, err = fmt.Fprint(g.stdout, env.Shell())
			return err
		},
	}
	cmd.Flags().StringVar(&person, "person", "", "Whose credentials: cluster-admin, admin, reader, rewriter or nobody (default as given to up)")
	outputFlag(cmd, &output)
	return cmd
}
