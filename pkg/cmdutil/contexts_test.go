package cmdutil

import (
	"slices"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestDistinct checks that each cluster keeps its most informative report, and that
// reports without an ARN are all kept.
func TestDistinct(t *testing.T) {
	report := func(context, arn string, verdict v1alpha1.Verdict, guard v1alpha1.Guard) v1alpha1.EncryptionReport {
		var r v1alpha1.EncryptionReport
		r.Cluster.Context, r.Cluster.ARN, r.Cluster.Guard = context, arn, guard
		r.Encryption.Verdict = verdict
		return r
	}
	items := Distinct([]v1alpha1.EncryptionReport{
		report("unknown", "a", v1alpha1.VerdictUnknown, v1alpha1.GuardUnverified),
		report("tunnel", "a", v1alpha1.VerdictAWSOwnedKey, v1alpha1.GuardUnverified),
		report("direct", "a", v1alpha1.VerdictAWSOwnedKey, v1alpha1.GuardMatch),
		report("kind-1", "", v1alpha1.VerdictNotApplicable, v1alpha1.GuardUnverified),
		report("kind-2", "", v1alpha1.VerdictNotApplicable, v1alpha1.GuardUnverified),
	})
	var contexts []string
	for _, r := range items {
		contexts = append(contexts, r.Cluster.Context)
	}
	if want := []string{"direct", "kind-1", "kind-2"}; !slices.Equal(contexts, want) {
		t.Fatalf("contexts = %v, want %v", contexts, want)
	}
	if len(items[0].Notes) == 0 {
		t.Error("the kept report does not name the other contexts of its cluster")
	}
}
