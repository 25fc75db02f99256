package cmdutil

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// MaxContexts is the number of kube contexts that are inspected at the same time.
const MaxContexts = 16

// Distinct keeps one report for each cluster, the most informative one. Its notes name
// the other contexts of the cluster.
func Distinct(reports []v1alpha1.EncryptionReport) []v1alpha1.EncryptionReport {
	var items []v1alpha1.EncryptionReport
	index := map[string]int{} // by ARN
	for _, r := range reports {
		i, seen := index[r.Cluster.ARN]
		if r.Cluster.ARN == "" || !seen {
			index[r.Cluster.ARN] = len(items)
			items = append(items, r)
			continue
		}
		kept, other := items[i], r
		if informative(other) > informative(kept) {
			kept, other = other, kept
		}
		kept.Notes = append(slices.Clone(kept.Notes),
			fmt.Sprintf("context %s is also for this cluster", other.Cluster.Context))
		items[i] = kept
	}
	return items
}

// informative ranks reports on the same cluster; a higher value says more.
func informative(r v1alpha1.EncryptionReport) int {
	n := 0
	if r.Encryption.Verdict != v1alpha1.VerdictUnknown {
		n += 2
	}
	if r.Cluster.Guard == v1alpha1.GuardMatch {
		n++
	}
	return n
}
