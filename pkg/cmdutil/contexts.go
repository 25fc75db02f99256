package cmdutil

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
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
// name the same ARN and connect to the same server. The first one is kept; its notes name the others. If an unverified
// context names the cluster of another one and connects elsewhere, two clusters may have that name: its verdict becomes
// Unknown.
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
	for _, item := range items {
		i := slices.IndexFunc(items, func(other *Inspected) bool { return ambiguous(item, other) })
		if i >= 0 {
			item.doubt(fmt.Errorf("context %s names the same cluster and connects elsewhere, and nothing shows that this one "+
				"leads to it", items[i].Report.Cluster.Context))
		}
	}
	return items
}

// ambiguous reports whether a is unverified and may be another cluster of the same name than b: nothing in the
// kubeconfig names its account.
func ambiguous(a, b *Inspected) bool {
	arn := a.Report.Cluster.ARN
	return arn != "" && arn == b.Report.Cluster.ARN && a.Report.Cluster.Guard == v1alpha1.GuardUnverified &&
		a.AccountClaim() == "" && !a.SameServer(b.Binding)
}

// doubt takes back the verdict.
func (i *Inspected) doubt(reason error) {
	r := &i.Report
	r.Encryption, r.Key, i.Err = encryption.Unknown(reason.Error()), nil, reason
	r.Controls = encryption.Controls(r)
}

func sameCluster(a, b *Inspected) bool {
	arn := a.Report.Cluster.ARN
	return arn != "" && arn == b.Report.Cluster.ARN &&
		a.Report.Cluster.Guard == v1alpha1.GuardMatch && b.Report.Cluster.Guard == v1alpha1.GuardMatch &&
		a.SameServer(b.Binding)
}
