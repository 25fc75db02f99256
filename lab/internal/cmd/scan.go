package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/etcdclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
)

func newScan(g *globals) *cobra.Command {
	var output, resource string
	cmd := &cobra.Command{
		Use: "scan", Short: "Count the objects in etcd by the key that encrypts them", Args: cobra.NoArgs,
		Long: `Scan reads etcd directly, which is impossible on EKS, and counts the objects of
each resource by provider and key. It prints no values.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, config, err := g.lab()
			if err != nil {
				return err
			}
			etcd, err := etcdclient.New(dir, config)
			if err != nil {
				return err
			}
			defer func() { _ = etcd.Close() }() // no writes to lose
			ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Minute)
			defer cancel()
			report, err := scan.Run(ctx, etcd)
			if err != nil {
				return fmt.Errorf("scan etcd of the lab in %s (check that it is running: eks-lab status): %w", dir, err)
			}
			if resource != "" {
				report = report.Only(resource)
			}
			if output == "json" {
				return printJSON(g.stdout, report)
			}
			return g.printScan(report)
		},
	}
	cmd.Flags().StringVar(&resource, "resource", "", "Count only this resource, such as secrets")
	outputFlag(cmd, &output)
	return cmd
}

func (g *globals) printScan(r scan.Report) error {
	t := newTable(g.stdout)
	t.row("RESOURCE", "OBJECTS", "PROVIDER", "KEY")
	for _, c := range r.Counts {
		key := c.KeyID
		switch c.Provider {
		case scan.Plain:
			key = "<not encrypted>"
		case controlplane.AWSOwnedLabel:
			key = "<owned by AWS>"
		}
		t.row(c.Resource, c.Objects, c.Provider, key)
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(g.stderr, "%d objects at etcd revision %d.\n", r.Objects, r.Revision)
	return err
}
