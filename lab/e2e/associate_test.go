package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// calls counts the AWS calls of each operation that the plugin made.
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

// witness is the cluster's key as the AWS CLI sees it, where it is installed.
func witness(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Log("the AWS CLI is not installed: no witness")
		return labKey(t, l)
	}
	return strings.TrimSpace(l.Run(t, "aws", "eks", "describe-cluster", "--name", "lab",
		"--query", "cluster.encryptionConfig[0].provider.keyArn", "--output", "text").Must(t))
}

// The plan changes nothing; the association is sent once; a second run sends none.
func TestAssociateOnce(t *testing.T) {
	l := labtest.Start(t, "--association-time", "2s")
	plan := l.Plugin(t, "associate", "alias/lab", "--dry-run=client", "-o", "json").Must(t)
	if !strings.Contains(plan, `"kind": "AssociationPlan"`) || strings.Contains(plan, `"Fail"`) {
		t.Errorf("the plan:\n%s", plan)
	}
	l.Plugin(t, "associate", "alias/lab").Exits(t, 2) // nobody to ask
	if n := calls(t, l); n["AssociateEncryptionConfig"] != 0 || n["CreateKey"] != 0 {
		t.Errorf("calls of the plan: %v", n)
	}
	if out := l.Plugin(t, "associate", "alias/lab", "--yes"); out.Code != 0 || !strings.Contains(out.Stdout, "CustomerManagedKey") {
		t.Fatalf("exit code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	if key := witness(t, l); key != labKey(t, l) {
		t.Errorf("the AWS CLI sees the key %s", key)
	}
	if out := l.Plugin(t, "associate", "alias/lab", "--yes"); out.Code != 0 || !strings.Contains(out.Stderr, "Nothing to do") {
		t.Errorf("second run: exit code %d\n%s", out.Code, out.Stderr)
	}
	if n := calls(t, l)["AssociateEncryptionConfig"]; n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig", n)
	}
	l.Run(t, "kubectl", "-n", "kube-system", "get", "configmap", "eks-encrypt").Must(t)
	l.Plugin(t, "status", "--require", "cmk").Exits(t, 0)
}

// Killed right after the call, and started twice at once: one association, and all
// who are left end well.
func TestAssociateKilledAndTogether(t *testing.T) {
	l := labtest.Start(t, "--association-time", "15s")
	victim := l.Command(t, "kubectl-eks_encrypt", "associate", "alias/lab", "--yes")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); calls(t, l)["AssociateEncryptionConfig"] == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was sent")
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	together(t, l, 2, "Taking up update ")
	if n := calls(t, l)["AssociateEncryptionConfig"]; n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig", n)
	}
	if key := witness(t, l); key != labKey(t, l) {
		t.Errorf("the AWS CLI sees the key %s", key)
	}
}

func TestAssociateTogether(t *testing.T) {
	l := labtest.Start(t, "--association-time", "5s")
	together(t, l, 2, "")
	updates := l.Lab(t, "log", "aws", "-o", "json").Must(t)
	if !strings.Contains(updates, "AssociateEncryptionConfig") {
		t.Error("nothing was sent")
	}
	var ids struct{ UpdateIDs []string }
	if _, err := exec.LookPath("aws"); err == nil {
		if err := json.Unmarshal([]byte(l.Run(t, "aws", "eks", "list-updates", "--name", "lab", "--output", "json").Must(t)), &ids); err != nil || len(ids.UpdateIDs) != 1 {
			t.Errorf("updates %v, %v", ids, err)
		}
	}
}

// together runs the command several times at once; each must end well, and say so.
func together(t *testing.T, l *labtest.Lab, n int, says string) {
	t.Helper()
	ends := make(chan labtest.Output, n)
	for range n {
		go func() { ends <- l.Plugin(t, "associate", "alias/lab", "--yes") }()
	}
	for range n {
		out := <-ends
		if out.Code != 0 || !strings.Contains(out.Stdout, "CustomerManagedKey") || !strings.Contains(out.Stderr, says) {
			t.Errorf("exit code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
		}
	}
}

// What goes wrong at EKS has its true ending, and the next run is a new attempt.
func TestAssociateThroughTrouble(t *testing.T) {
	l := labtest.Start(t, "--association-time", "2s")
	l.Lab(t, "fault", "add", "failing-update", "--message", "the key can't be used: kms:CreateGrant is not authorized").Must(t)
	out := l.Plugin(t, "associate", "alias/lab", "--yes").Exits(t, 1)
	if !strings.Contains(out.Stderr, "ended as Failed") || !strings.Contains(out.Stderr, "hint: EKS may not use the key") {
		t.Errorf("%s", out.Stderr)
	}
	l.Lab(t, "fault", "clear").Must(t)
	l.Lab(t, "fault", "add", "throttle", "--operation", "DescribeUpdate", "--times", "2").Must(t)
	l.Lab(t, "fault", "add", "5xx", "--operation", "AssociateEncryptionConfig", "--times", "4").Must(t)
	if out := l.Plugin(t, "associate", "alias/lab", "--yes"); out.Code != 0 || !strings.Contains(out.Stdout, "CustomerManagedKey") {
		t.Fatalf("exit code %d\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	calls(t, l)
}

// The generated policy is sufficient and minimal: see also the scripts of pkg/cli,
// which take each action away by policy. Here each is denied by the lab.
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
				continue // needed only once there is an update: the last one below
			}
			denied(t, l, action)
		}
	}
	if n := calls(t, l); n["AssociateEncryptionConfig"] != 1 { // the denied one
		t.Errorf("calls: %v", n)
	}
	denied(t, l, "eks:DescribeUpdate")
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
}

func denied(t *testing.T, l *labtest.Lab, action string) {
	t.Helper()
	service, operation, _ := strings.Cut(action, ":")
	l.Lab(t, "fault", "add", "denied", "--service", service, "--operation", operation).Must(t)
	out := l.Plugin(t, "associate", "alias/lab", "--yes").Exits(t, 1)
	if !strings.Contains(out.Stderr, action) {
		t.Errorf("without %s: %s", action, out.Stderr)
	}
	l.Lab(t, "fault", "clear").Must(t)
}
