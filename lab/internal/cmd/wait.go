package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// waitReady waits until the lab is ready, its daemon dies or ctx ends.
func waitReady(ctx context.Context, client *admin.Client, died <-chan error) (admin.Status, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := client.Status(ctx)
		if err == nil && s.Phase == admin.Ready {
			return s, nil
		}
		select {
		case err := <-died:
			return s, fmt.Errorf("the lab stopped during its start: %w", err)
		case <-ctx.Done():
			return s, errors.Join(fmt.Errorf("the lab is not ready: %s", s.Step), err)
		case <-tick.C:
		}
	}
}

// printNextSteps prints how to use a running lab.
func (g *globals) printNextSteps(dir state.Dir, s admin.Status) error {
	_, err := fmt.Fprintf(g.stdout, `The lab is ready: cluster %s, Kubernetes %s, only on 127.0.0.1.

Use it in this shell:
  eval "$(eks-lab env --dir %s)"
  kubectl get namespaces
  aws eks describe-cluster --name %s

The key to associate (alias/lab, $EKS_LAB_KEY):
  %s

Count objects in etcd by key:  eks-lab scan --dir %[3]s
Stop the lab:                  eks-lab down --dir %[3]s
Stop the lab and remove it:    eks-lab down --dir %[3]s --purge
`, state.ClusterName, s.Version, dir, state.ClusterName, s.KeyARN)
	return err
}
