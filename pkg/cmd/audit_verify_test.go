package cmd_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestAuditStopsVerifying checks that an audit that was stopped while it verified existing data does not hold, whatever
// its controls are, and that --resume verifies the data of exactly the clusters that are missing.
func TestAuditStopsVerifying(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	w.env = append(w.env, "AWS_REGION=eu-central-1")
	path := filepath.Join(t.TempDir(), "stopped.json")
	audit := []string{"audit", "--all-clusters", "--cluster-name", "dev,prod", "--verify-data", "--controls", "ENC-1"}

	r, stderr := w.stopVerifying(t, path, audit...)
	if len(r.Unreachable) != 1 || r.Unreachable[0].Account != "111122223333" || r.Unreachable[0].Region != "eu-central-1" {
		t.Errorf("unreachable = %+v, want the place of prod", r.Unreachable)
	}
	if !strings.Contains(stderr, "to continue, repeat the command with --resume "+path) {
		t.Errorf("stderr = %q, want the command that continues", stderr)
	}
	if out, _, code := w.run(t, "audit", "--from", path, "-o", "jsonpath={.summary.outcome}"); code != 3 {
		t.Errorf("--from: %s, exit code %d, want CannotTell, 3", out, code)
	}

	w.prod.take()
	w.ResetRequests()
	audit = append(audit, "--compare", path, "--fail-on", "regression", "--output-file", path+".json", "--resume")
	out, stderr, code := w.run(t, append(audit, path)...)
	if len(w.prod.take()) == 0 || code != 0 || strings.Contains(out, "lost sight") {
		t.Errorf("--resume: exit code %d, want 0 after requests to prod:\n%s%s", code, out, stderr)
	}
	calls := map[string]int{}
	for _, r := range w.Requests() {
		calls[r.Operation+" "+r.Cluster]++
	}
	// The kube context is compared with EKS before it is used, as in every audit.
	if calls["ListClusters "] != 0 || calls["DescribeCluster dev"] != 0 || calls["DescribeCluster prod"] != 1 {
		t.Errorf("calls = %v, want one for the kube context of prod", calls)
	}
	if _, stderr, code := w.run(t, append(audit, path+".json")...); code != 2 || !strings.Contains(stderr, "complete") {
		t.Errorf("--resume of the complete report: exit code %d, want 2: %s", code, stderr)
	}

	r, _ = w.stopVerifying(t, path, "audit", "--context", "prod", "--verify-data", "--controls", "ENC-1")
	if len(r.Unreachable) != 1 || r.Unreachable[0].Context != "prod" {
		t.Errorf("unreachable = %+v, want the context prod", r.Unreachable)
	}
}

// stopVerifying interrupts an audit at its first request to prod, and returns its report.
func (w *wireTest) stopVerifying(t *testing.T, path string, args ...string) (*v1alpha1.AuditReport, string) {
	t.Helper()
	w.prod.take()
	w.prod.hang.Store(true)
	defer w.prod.hang.Store(false)
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), w.bin, append(args, "--output-file", path)...)
	cmd.Env, cmd.Stderr = w.env, &stderr
	awstest.Must(t, cmd.Start())
	for deadline := time.Now().Add(patience); len(w.prod.take()) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no request to prod")
		}
	}
	awstest.Must(t, cmd.Process.Signal(os.Interrupt))
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("%v: exit code %d, want 130: %s", args, cmd.ProcessState.ExitCode(), &stderr)
	}
	text, err := os.ReadFile(path)
	awstest.Must(t, err)
	r := &v1alpha1.AuditReport{}
	awstest.Must(t, json.Unmarshal(text, r))
	if r.Summary.Outcome != v1alpha1.OutcomeCannotTell {
		t.Errorf("%v: outcome %s, want CannotTell", args, r.Summary.Outcome)
	}
	const reason = "existing data of 1 cluster not verified: the audit was interrupted"
	for _, u := range r.Unreachable {
		if u.Cause != v1alpha1.CauseInterrupted || u.Reason != reason || len(u.Clusters) > 0 {
			t.Errorf("%v: unreachable = %+v, want %q", args, u, reason)
		}
	}
	return r, stderr.String()
}
