package cmd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// auditTest audits a generated organization with the built command.
type auditTest struct {
	*pluginTest
	dir      string
	accounts []string
	clusters int
}

func newAuditTest(t testing.TB, o fakeaws.GenerateOptions) *auditTest {
	t.Helper()
	a := &auditTest{pluginTest: newPluginTest(t, time.Millisecond), dir: t.TempDir(), clusters: o.Clusters}
	if err := a.Update(func(w *fakeaws.State) { clear(w.Clusters) }); err != nil {
		t.Fatal(err)
	}
	generated, err := a.AddGenerated(o)
	if err != nil {
		t.Fatal(err)
	}
	a.accounts = generated.Accounts
	a.env = append(slices.DeleteFunc(a.env, func(v string) bool { return strings.HasPrefix(v, "AWS_MAX_ATTEMPTS=") }),
		"AWS_REGION=us-east-1")
	return a
}

// start starts an audit that writes the report to the file.
func (a *auditTest) start(t *testing.T, file string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := a.command(t, append(flags, "-o", "json", "--output-file", "json="+a.path(file))...)
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// command returns an audit of all generated accounts.
func (a *auditTest) command(t testing.TB, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), a.bin, append([]string{"audit", "--all-clusters", "--regions", "all",
		"--accounts", strings.Join(a.accounts, ","), "--role-name", "eks-encrypt-audit"}, flags...)...)
	cmd.Env = a.env
	return cmd
}

func (a *auditTest) path(file string) string { return filepath.Join(a.dir, file) }

// end waits for an audit and returns its exit code and report.
func (a *auditTest) end(t *testing.T, cmd *exec.Cmd, file string) (int, *v1alpha1.AuditReport) {
	t.Helper()
	code := 0
	if err := cmd.Wait(); err != nil {
		exit := new(exec.ExitError)
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		code = exit.ExitCode()
	}
	text, err := os.ReadFile(a.path(file))
	if err != nil {
		t.Fatal(err)
	}
	r := &v1alpha1.AuditReport{}
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	return code, r
}

// described returns how often EKS described each cluster.
func (a *auditTest) described() map[string]int {
	n := map[string]int{}
	for _, r := range a.Requests() {
		if r.Operation == "DescribeCluster" && r.Status == http.StatusOK {
			n[fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", r.Region, r.Account, r.Cluster)]++
		}
	}
	return n
}

// interruptAt sends the signal when EKS has described n clusters.
func (a *auditTest) interruptAt(t *testing.T, cmd *exec.Cmd, n int, signal os.Signal) {
	t.Helper()
	for deadline := time.Now().Add(patience); len(a.described()) < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d clusters were described, want %d", len(a.described()), n)
		}
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// withoutTimes returns the report without what differs between two runs, as text.
func withoutTimes(t *testing.T, r *v1alpha1.AuditReport) string {
	t.Helper()
	r.StartedAt, r.FinishedAt, r.Name = nil, nil, ""
	for i := range r.Items {
		r.Items[i].CreationTimestamp.Reset() // set by --resume
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAuditStops checks that the clusters in the report of a stopped audit are those that EKS described, and that
// --resume completes it without a second call for a cluster.
func TestAuditStops(t *testing.T) {
	a := newAuditTest(t, fakeaws.GenerateOptions{Clusters: 400, Regions: 10, Accounts: 4, Seed: 9})
	_, whole := a.end(t, a.start(t, "whole.json"), "whole.json")
	want := withoutTimes(t, whole)
	a.SetFaults([]fakeaws.Fault{{Latency: 20 * time.Millisecond}})
	for name, test := range map[string]struct {
		flags  []string
		signal os.Signal
		code   int
		reason string
	}{
		"interrupted": {nil, os.Interrupt, 130, "the audit was interrupted"},
		"timed out":   {[]string{"--timeout", "300ms"}, nil, 124, "the audit timed out after 300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			a.ResetRequests()
			cmd := a.start(t, "partial.json", test.flags...)
			if test.signal != nil {
				a.interruptAt(t, cmd, 150, test.signal)
			}
			code, partial := a.end(t, cmd, "partial.json")
			if code != test.code || partial.Summary.Outcome == v1alpha1.OutcomeHolds {
				t.Errorf("exit code %d, outcome %s, want %d and not Holds", code, partial.Summary.Outcome, test.code)
			}
			a.checkPartial(t, partial, test.reason)
			if t.Failed() {
				return
			}

			_, resumed := a.end(t, a.start(t, "resumed.json", "--resume", a.path("partial.json")), "resumed.json")
			for cluster, n := range a.described() {
				if n > 1 {
					t.Errorf("%s was described %d times", cluster, n)
				}
			}
			if got := withoutTimes(t, resumed); got != want {
				t.Errorf("the resumed report has %d bytes, and differs from that of one run with %d", len(got), len(want))
			}
		})
	}
}

func (a *auditTest) checkPartial(t *testing.T, r *v1alpha1.AuditReport, reason string) {
	t.Helper()
	described := a.described()
	for i := range r.Items {
		cluster := r.Items[i].Cluster.ARN
		if described[cluster] == 0 {
			t.Errorf("%s is in the report and was not described", cluster)
		}
		delete(described, cluster)
	}
	for cluster := range described {
		t.Errorf("%s was described and is not in the report", cluster)
	}
	if n := len(r.Items); n == 0 || n >= a.clusters {
		t.Errorf("%d of %d clusters in the report, want some", n, a.clusters)
	}
	for _, u := range r.Unreachable {
		if !strings.Contains(u.Reason, reason) {
			t.Errorf("%s/%s: %q, want %q", u.Account, u.Region, u.Reason, reason)
		}
	}
	if len(r.Unreachable) == 0 {
		t.Error("nothing is unreachable")
	}
}
