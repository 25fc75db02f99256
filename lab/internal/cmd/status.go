package cmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

func newStatus(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "status", Short: "Print the lab's state, addresses and key; exit 1 if it is not ready", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, config, err := g.lab()
			if err != nil {
				return err
			}
			s, err := admin.NewClient(config).Status(cmd.Context())
			if errors.Is(err, admin.ErrNotRunning) {
				s = admin.Status{
					Phase: admin.Stopped, Dir: string(dir), Cluster: state.ClusterARN, Version: config.Version,
					KeyARN: config.CustomerKey, AssociatedKey: config.AssociatedKey,
				}
			} else if err != nil {
				return err
			}
			if err := g.printStatus(s, output); err != nil {
				return err
			}
			if s.Phase != admin.Ready {
				return fmt.Errorf("the lab in %s is not ready: %s", dir, s.Phase)
			}
			return nil
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func (g *globals) printStatus(s admin.Status, output string) error {
	if output == "json" {
		return printJSON(g.stdout, s)
	}
	t := newTable(g.stdout)
	phase := s.Phase
	if s.Step != "" {
		phase += ": " + s.Step
	}
	t.row("PHASE", phase)
	t.row("FOLDER", s.Dir)
	t.row("CLUSTER", s.Cluster+" (Kubernetes "+s.Version+")")
	if s.PID != 0 {
		t.row("API SERVER", s.APIServer)
		t.row("AWS ENDPOINT", s.AWS)
		t.row("KUBECONFIG", s.Kubeconfig)
		if s.Balancer != "" {
			t.row("BALANCER", s.Balancer)
		}
		for _, name := range slices.Sorted(maps.Keys(s.Components)) {
			process := "down"
			if pid := s.Components[name]; pid != 0 {
				process = fmt.Sprintf("process %d", pid)
			}
			t.row("COMPONENT", name+": "+process)
		}
	}
	if s.AssociatedKey != "" {
		t.row("KEY IN USE", s.AssociatedKey)
	} else {
		t.row("KEY IN USE", "AWS-owned")
		t.row("KEY TO ASSOCIATE", s.KeyARN)
	}
	return t.flush()
}
