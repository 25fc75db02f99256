package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
)

func newServers(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "servers", Short: "List the API servers: process, address, identity, and the key that each writes with",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			servers, err := client.Servers(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(g.stdout, servers)
			}
			return g.printServers(servers)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (g *globals) printServers(servers []admin.Server) error {
	t := newTable(g.stdout)
	t.row("SERVER", "PROCESS", "ADDRESS", "IDENTITY", "WRITES WITH", "PROVIDERS", "FAULT")
	for _, s := range servers {
		process := "down"
		if s.PID != 0 {
			process = fmt.Sprint(s.PID)
		}
		providers := make([]string, len(s.Providers))
		for i, name := range s.Providers {
			providers[i] = controlplane.Label(name)
		}
		t.row(s.Number, process, s.URL, s.Lease, s.Writes, strings.Join(providers, ","), describeServer(s.Fault))
	}
	return t.flush()
}
