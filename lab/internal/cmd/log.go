package cmd

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
)

func newLog(g *globals) *cobra.Command {
	logs := []string{"lab", controlplane.EtcdName, controlplane.APIServerName, controlplane.ControllerManagerName}
	var output string
	cmd := &cobra.Command{
		Use:   "log [" + strings.Join(logs, "|") + "|aws]",
		Short: "Print the log of a component, or the AWS calls since the start",
		Args:  cobra.MaximumNArgs(1), ValidArgs: append([]string{"aws"}, logs...),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := logs[0]
			if len(args) > 0 {
				name = args[0]
			}
			if name == "aws" {
				return g.logAWS(cmd, output)
			}
			dir, _, err := g.lab()
			if err != nil {
				return err
			}
			f, err := os.Open(dir.Log(name))
			if err != nil {
				return fmt.Errorf("open the log of %q (available: %s, aws): %w", name, strings.Join(logs, ", "), err)
			}
			defer func() { _ = f.Close() }() // opened for reading only
			_, err = io.Copy(g.stdout, f)
			return err
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// logAWS prints the AWS calls since the start.
func (g *globals) logAWS(cmd *cobra.Command, output string) error {
	client, err := g.daemon()
	if err != nil {
		return err
	}
	requests, err := client.Requests(cmd.Context())
	if err != nil {
		return err
	}
	if output == "json" {
		return printJSON(g.stdout, requests)
	}
	t := newTable(g.stdout)
	t.row("TIME", "SERVICE", "OPERATION", "REGION", "ABOUT", "CALLER", "STATUS", "MS")
	for _, r := range requests {
		t.row(r.Start.Format("15:04:05.000"), r.Service, r.Operation, r.Region,
			cmp.Or(r.Cluster+r.KeyID, "-"), cmp.Or(r.Principal, "-"),
			strings.TrimSpace(fmt.Sprint(r.Status, " ", r.Code)), r.End.Sub(r.Start).Milliseconds())
	}
	return t.flush()
}
