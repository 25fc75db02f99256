package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// calls counts the plugin's AWS calls by operation. It fails if the plugin called an
// operation that can make a key unusable.
func calls(t *testing.T, l *labtest.Lab) map[string]int {
	t.Helper()
	var requests []struct{ Operation, UserAgent string }
	if err := json.Unmarshal([]byte(l.Lab(t, "log", "aws", "-o", "json").Must(t)), &requests); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range requests {
		if strings.Contains(r.UserAgent, "kubectl-eks_encrypt") {
			n[r.Operation]++
		}
	}
	for _, never := range []string{"DisableKey", "ScheduleKeyDeletion", "RevokeGrant", "RetireGrant", "PutKeyPolicy"} {
		if n[never] > 0 {
			t.Errorf("%s was called", never)
		}
	}
	return n
}

// cliKey returns the cluster's key according to the AWS CLI. Without the AWS CLI it
// returns the expected key.
func cliKey(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Log("the AWS CLI is not installed: the key is not checked with it")
		return labKey(l)
	}
	return strings.TrimSpace(l.Run(t, "aws", "eks", "describe-cluster", "--name", "lab",
		"--query", "cluster.encryptionConfig[0].provider.keyArn", "--output", "text").Must(t))
}

// A dry run changes nothing. The association is sent once; a second run sends none.
func TestAssociateOnce(t *testing.T) {
	l := labtest.Start(t, labtest.WithAWS, "--association-time", "2s")
	plan := l.Plugin(t, "associate", "alias/lab", "--dry-run=client", "-o", "json").Must(t)
	if !strings.Contains(plan, `"kind": "AssociationPlan"`) || strings.Contains(plan, `"Fail"`) {
		t.Errorf("unexpected plan:\n%s", plan)
	}
	l.Plugin(t, "associate", "alias/lab").Exits(t, 2) // no terminal for a prompt, and no --yes
	if n := calls(t, l); n["AssociateEncryptionConfig"] != 0 || n["CreateKey"] != 0 {
		t.Errorf("calls of the dry run = %v, want no writes", n)
	}
	if out := l.Plugin(t, "associate", "alias/lab", "--yes").Must(t); !strings.Contains(out, "CustomerManagedKey") {
		t.Fatalf("output = %s, want the verdict CustomerManagedKey", out)
	}
	if key := cliKey(t, l); key != labKey(l) {
		t.Errorf("key according to the AWS CLI = %s, want %s", key, labKey(l))
	}
	out := l.Plugin(t, "associate", "alias/lab", "--yes").Exits(t, 0)
	if !strings.Contains(out.Stderr, "Nothing to do") {
		t.Errorf("stderr of the second run = %s", out.Stderr)
	}
	if n := calls(t, l)["AssociateEncryptionConfig"]; n != 1 {
		t.Errorf("calls of AssociateEncryptionConfig = %d, want 1", n)
	}
	l.Run(t, "kubectl", "-n", "kube-system", "get", "configmap", "eks-encrypt").Must(t)
	l.Plugin(t, "status", "--require", "cmk").Exits(t, 0)
}

// The first run is killed right after its call, and two more start at the same time:
// there is one association, and both runs succeed.
func TestAssociateAfterKill(t *testing.T) {
	l := labtest.Start(t, labtest.WithAWS, "--association-time", "15s")
	first := l.Command(t, "kubectl-eks_encrypt", "associate", "alias/lab", "--yes")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "the call of AssociateEncryptionConfig", func() bool {
		return calls(t, l)["AssociateEncryptionConfig"] > 0
	})
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	associateConcurrently(t, l, 2, "Waiting for update ")
	if n := calls(t, l)["AssociateEncryptionConfig"]; n != 1 {
		t.Errorf("calls of AssociateEncryptionConfig = %d, want 1", n)
	}
	if key := cliKey(t, l); key != labKey(l) {
		t.Errorf("key according to the AWS CLI = %s, want %s", key, labKey(l))
	}
}

// Two concurrent runs result in one update, and both succeed.
func TestAssociateConcurrently(t *testing.T) {
	l := labtest.Start(t, labtest.WithAWS, "--association-time", "5s")
	associateConcurrently(t, l, 2, "")
	if calls(t, l)["AssociateEncryptionConfig"] == 0 {
		t.Error("AssociateEncryptionConfig was not called")
	}
	if _, err := exec.LookPath("aws"); err != nil {
		return
	}
	var list struct{ UpdateIDs []string }
	raw := l.Run(t, "aws", "eks", "list-updates", "--name", "lab", "--output", "json").Must(t)
	if err := json.Unmarshal([]byte(raw), &list); err != nil || len(list.UpdateIDs) != 1 {
		t.Errorf("updates = %v, %v, want one", list.UpdateIDs, err)
	}
}

// associateConcurrently runs the command n times at the same time. Each run must
// succeed and log the given text.
func associateConcurrently(t *testing.T, l *labtest.Lab, n int, text string) {
	t.Helper()
	results := make(chan labtest.Output, n)
	for range n {
		go func() { results <- l.Plugin(t, "associate", "alias/lab", "--yes") }()
	}
	for range n {
		out := <-results
		if out.Code != 0 || !strings.Contains(out.Stdout, "CustomerManagedKey") || !strings.Contains(out.Stderr, text) {
			t.Errorf("exit code = %d, want 0\n%s%s", out.Code, out.Stdout, out.Stderr)
		}
	}
}

// A failed update is reported as failed, and the next run is a new attempt. Throttling
// and server errors are retried.
func TestAssociateErrors(t *testing.T) {
	l := labtest.Start(t, "--association-time", "2s")
	const message = "the key can't be used: kms:CreateGrant is not authorized"
	l.Lab(t, "fault", "add", "failing-update", "--message", message).Must(t)
	out := l.Plugin(t, "associate", "alias/lab", "--yes").Exits(t, 1)
	for _, want := range []string{"ended as Failed", "hint: EKS may not use the key"} {
		if !strings.Contains(out.Stderr, want) {
			t.Errorf("stderr = %s, want it to contain %q", out.Stderr, want)
		}
	}
	l.Lab(t, "fault", "clear").Must(t)
	l.Lab(t, "fault", "add", "throttle", "--operation", "DescribeUpdate", "--times", "2").Must(t)
	l.Lab(t, "fault", "add", "5xx", "--operation", "AssociateEncryptionConfig", "--times", "4").Must(t)
	if out := l.Plugin(t, "associate", "alias/lab", "--yes").Must(t); !strings.Contains(out, "CustomerManagedKey") {
		t.Fatalf("output = %s, want the verdict CustomerManagedKey", out)
	}
	calls(t, l)
}

// The generated policy contains only necessary actions: if one of them is denied,
// associate fails and names it.
func TestDeniedActions(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	var policy struct{ Statement []struct{ Action []string } }
	text := l.Plugin(t, "generate", "iam-policy", "--for", "associate", "alias/lab").Must(t)
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if action == "eks:DescribeUpdate" {
				continue // only called when there is an update: tested below
			}
			denied(t, l, action)
		}
	}
	if n := calls(t, l); n["AssociateEncryptionConfig"] != 1 { // the call that was denied
		t.Errorf("calls = %v, want one of AssociateEncryptionConfig", n)
	}
	denied(t, l, "eks:DescribeUpdate")
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
}

// denied fails unless associate fails without the action and names it.
func denied(t *testing.T, l *labtest.Lab, action string) {
	t.Helper()
	service, operation, _ := strings.Cut(action, ":")
	l.Lab(t, "fault", "add", "denied", "--service", service, "--operation", operation).Must(t)
	out := l.Plugin(t, "associate", "alias/lab", "--yes").Exits(t, 1)
	if !strings.Contains(out.Stderr, action) {
		t.Errorf("stderr without %s = %s, want it to name the action", action, out.Stderr)
	}
	l.Lab(t, "fault", "clear").Must(t)
}
