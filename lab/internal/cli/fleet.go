package cli

import (
	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

func newFleet(g *globals) *cobra.Command {
	var o fakeaws.GenerateOptions
	var show bool
	cmd := &cobra.Command{
		Use: "fleet", Short: "Add generated clusters to the EKS API, and print the truth about them as JSON", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			if show {
				truths, err := client.Truths(cmd.Context())
				if err != nil {
					return err
				}
				return printJSON(g.stdout, truths)
			}
			generated, err := client.AddFleet(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printJSON(g.stdout, generated)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Clusters, "clusters", 12, "How many clusters")
	f.IntVar(&o.Regions, "regions", 2, "Over how many regions they are spread")
	f.IntVar(&o.Accounts, "accounts", 1, "Over how many accounts they are spread")
	f.Uint64Var(&o.Seed, "seed", 1, "The same seed gives the same clusters")
	f.Float64Var(&o.Throttle, "throttle", 0, "Share of all calls that are throttled, 0 to 1")
	f.IntVar(&o.RegionsDown, "regions-down", 0, "How many regions answer 503")
	f.IntVar(&o.AccountsDenied, "accounts-denied", 0, "How many accounts refuse their role")
	f.BoolVar(&show, "show", false, "Add none; print the truth about all clusters there are")
	return cmd
}
