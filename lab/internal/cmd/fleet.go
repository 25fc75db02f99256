package cmd

import (
	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

func newFleet(g *globals) *cobra.Command {
	var o fakeaws.GenerateOptions
	var show bool
	cmd := &cobra.Command{
		Use: "fleet", Short: "Add generated clusters to the EKS API and print the expected results as JSON",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			if show {
				expected, err := client.Expected(cmd.Context())
				if err != nil {
					return err
				}
				return printJSON(g.stdout, expected)
			}
			generated, err := client.AddFleet(cmd.Context(), o)
			if err != nil {
				return err
			}
			return printJSON(g.stdout, generated)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Clusters, "clusters", 12, "Number of clusters")
	f.IntVar(&o.Regions, "regions", 2, "Number of regions that the clusters are spread over")
	f.IntVar(&o.Accounts, "accounts", 1, "Number of accounts that the clusters are spread over")
	f.Uint64Var(&o.Seed, "seed", 1, "Seed of the generator; the same seed gives the same clusters")
	f.Float64Var(&o.Throttle, "throttle", 0, "Share of all calls that are throttled, 0 to 1")
	f.IntVar(&o.RegionsDown, "regions-down", 0, "Number of regions that return 503")
	f.IntVar(&o.AccountsDenied, "accounts-denied", 0, "Number of accounts whose role cannot be assumed")
	f.BoolVar(&show, "show", false, "Add nothing; print the expected results for all existing clusters")
	return cmd
}
