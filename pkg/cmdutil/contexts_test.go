package cmdutil

import (
	"slices"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// TestDistinct checks that contexts are merged only if both are proven to lead to the same
// cluster through the same server.
func TestDistinct(t *testing.T) {
	const server = "https://a.gr7.eu-west-1.eks.amazonaws.com"
	inspected := func(context, arn, server string, guard v1alpha1.Guard) *Inspected {
		i := &Inspected{Binding: binding.New(binding.Target{Context: context, Server: server}, nil, nil)}
		i.Report.Cluster.Context, i.Report.Cluster.ARN, i.Report.Cluster.Guard = context, arn, guard
		return i
	}
	items := Distinct([]*Inspected{
		inspected("mismatch", "a", server, v1alpha1.GuardMismatch),
		inspected("unverified", "a", server, v1alpha1.GuardUnverified),
		inspected("direct", "a", server, v1alpha1.GuardMatch),
		inspected("again", "a", server+":443", v1alpha1.GuardMatch),
		inspected("tunnel", "a", "https://localhost:8443", v1alpha1.GuardMatch),
		inspected("namesake", "b", server, v1alpha1.GuardMatch),
		inspected("unverified too", "a", server, v1alpha1.GuardUnverified),
		inspected("alone", "c", server, v1alpha1.GuardUnverified),
		inspected("alone too", "c", server, v1alpha1.GuardUnverified),
		inspected("kind-1", "", "", v1alpha1.GuardMatch),
		inspected("kind-2", "", "", v1alpha1.GuardMatch),
	})
	var contexts []string
	for _, i := range items {
		contexts = append(contexts, i.Report.Cluster.Context)
	}
	want := []string{
		"mismatch", "unverified", "direct", "tunnel", "namesake", "unverified too", "alone", "alone too", "kind-1",
		"kind-2",
	}
	if !slices.Equal(contexts, want) {
		t.Fatalf("contexts = %v, want %v", contexts, want)
	}
	for i, unknown := range []bool{false, true, false, false, false, true, false, false, false, false} {
		verdict, err := items[i].Report.Encryption.Verdict, items[i].Err
		if (verdict == v1alpha1.VerdictUnknown) != unknown || (err != nil) != unknown {
			t.Errorf("%s: verdict %q, error %v, want unknown: %t", contexts[i], verdict, err, unknown)
		}
	}
	if notes := items[2].Report.Notes; len(notes) != 1 || notes[0] != "context again is also for this cluster" {
		t.Errorf("notes = %q, want the other context", notes)
	}
}
