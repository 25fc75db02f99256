package cmdutil

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// MaxContexts is the number of kube contexts that are inspected at the same time.
const MaxContexts = 16

// ConnectionFlags returns the flags that select one connection, and so make no sense for
// many contexts.
func ConnectionFlags() []string {
	return []string{
		"context", "cluster", "user", "server", "tls-server-name", "certificate-authority", "client-certificate",
		"client-key", "token", "insecure-skip-tls-verify",
	}
}

// Distinct merges the contexts that are proven to lead to the same cluster: both guards are Match, and both contexts
// name the same ARN and connect to the same server. The first one is kept; its notes name the others.
func Distinct(all []*Inspected) []*Inspected {
	var items []*Inspected
	for _, inspected := range all {
		i := slices.IndexFunc(items, func(kept *Inspected) bool { return sameCluster(kept, inspected) })
		if i < 0 {
			items = append(items, inspected)
			continue
		}
		kept := &items[i].Report
		kept.Notes = append(slices.Clone(kept.Notes),
			fmt.Sprintf("context %s is also for this cluster", inspected.Report.Cluster.Context))
	}
	return items
}

func sameCluster(a, b *Inspected) bool {
	arn := a.Report.Cluster.ARN
	return arn != "" && arn == b.Report.Cluster.ARN &&
		a.Report.Cluster.Guard == v1alpha1.GuardMatch && b.Report.Cluster.Guard == v1alpha1.GuardMatch &&
		a.SameServer(b.Binding)
}
