package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// TestAddNotVerified checks that each location is listed once, and that no waiver covers one that was stopped.
func TestAddNotVerified(t *testing.T) {
	const stopped = v1alpha1.CauseInterrupted
	answers := &fleet.Answers{Unreachable: []v1alpha1.Unreachable{
		{Account: "1", Region: "b", Reason: "503", Clusters: []string{"arn"}},
		{Account: "3", Reason: "denied", Cause: v1alpha1.CauseAccessDenied},
	}}
	addNotVerified(answers, nil, "timeout")
	if answers.Stopped {
		t.Error("Stopped is true, want false: all data was verified")
	}
	addNotVerified(answers, []location{
		{"", "1", "b"}, {"", "3", "b"}, {"", "1", "a"}, {"", "1", "b"}, {"prod", "", ""},
	}, "timeout")
	want := []v1alpha1.Unreachable{
		{Context: "prod", Reason: "existing data of 1 cluster not verified: timeout", Cause: stopped},
		{Account: "1", Region: "a", Reason: "existing data of 1 cluster not verified: timeout", Cause: stopped},
		{Account: "1", Region: "b", Reason: "503; existing data of 2 clusters not verified: timeout", Cause: stopped,
			Clusters: []string{"arn"}},
		{Account: "3", Reason: "denied", Cause: v1alpha1.CauseAccessDenied},
		{Account: "3", Region: "b", Reason: "existing data of 1 cluster not verified: timeout", Cause: stopped},
	}
	if diff := cmp.Diff(want, answers.Unreachable); diff != "" || !answers.Stopped {
		t.Errorf("Stopped = %v, unreachable (-want +got):\n%s", answers.Stopped, diff)
	}
}
