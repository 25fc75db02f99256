package cmd

import "github.com/spf13/cobra"

// newDisassociate returns a command that undoes an association, so that one lab serves
// many tests.
func newDisassociate(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "disassociate", Short: "Take the cluster back to the AWS-owned key with all objects, which EKS cannot do",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			return client.Disassociate(cmd.Context())
		},
	}
}
