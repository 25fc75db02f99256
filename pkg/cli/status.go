package cli

import "github.com/spf13/cobra"

func newStatus(g *globals) *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Show whether the cluster is encrypted, and with whose key", GroupID: groupInspect, Example: "  # x\n  kubectl eks-encrypt", Args: noArgs, RunE: check(func(*cobra.Command, []string) error { return nil })}
}
