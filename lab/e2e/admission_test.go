package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// TestMutatingAdmission checks webhooks and policies that change Secrets, hang, or are down. Without
// the flag nothing is written and they are named. With it, their changes are not called staleness, and
// one namespace does not hold up the others.
func TestMutatingAdmission(t *testing.T) {
	const n = 120 // in four namespaces
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	l.Plugin(t, "rewrite").Must(t)
	t.Run("changes objects once", func(t *testing.T) { changesOnce(t, l, n) })
	t.Run("changes objects at every write", func(t *testing.T) { changesAlways(t, l, n/4) })
	t.Run("a policy", func(t *testing.T) { policyChanges(t, l) })
	t.Run("hangs", func(t *testing.T) { hangs(t, l) })
	t.Run("is down", func(t *testing.T) { isDown(t, l) })
}

// refused checks that each method that writes ends before its first write, and names these.
func refused(t *testing.T, l *labtest.Lab, names ...string) {
	t.Helper()
	revision := secretsRevision(t, l)
	for _, args := range [][]string{{"rewrite"}, {"verify", "--probe"}, {"verify", "--sample", "10"}} {
		out := l.Plugin(t, args...).Exits(t, 2)
		for _, name := range append(names, "--allow-admission-changes") {
			if !strings.Contains(out.Stderr, name) {
				t.Errorf("%v: stderr does not have %q: %s", args, name, out.Stderr)
			}
		}
	}
	if now := secretsRevision(t, l); now != revision {
		t.Errorf("revision of the secrets = %s, want %s as before", now, revision)
	}
}

// changesOnce has a webhook that adds a label to objects without it, and one that drops empty values.
func changesOnce(t *testing.T, l *labtest.Lab, n int) {
	label := startWebhook(t, func(o reviewed) []change {
		if o.Metadata.Labels["touched"] != "" {
			return nil
		}
		return []change{{"add", "/metadata/labels", map[string]string{"touched": "yes"}}}
	})
	drop := startWebhook(t, func(o reviewed) (changes []change) {
		for name, value := range o.Data {
			if value == "" {
				changes = append(changes, change{Op: "remove", Path: "/data/" + name})
			}
		}
		return changes
	})
	l.Run(t, "kubectl", "create", "secret", "generic", "empty", "-n", "seed-1", "--from-literal=none=",
		"--from-literal=some=x").Must(t)
	data := func() string {
		return l.Run(t, "kubectl", "get", "secret", "empty", "-n", "seed-1", "-o", "jsonpath={.data}").Must(t)
	}
	configure(t, l, "seed-1/empty", func() bool { return drop.calls.Load() > 0 },
		label.in("label", "seed-0", admissionv1.Fail, 10), drop.in("drop", "seed-1", admissionv1.Fail, 10))
	before := data()
	refused(t, l, "webhook label.example.com of tests", "webhook drop.example.com of tests")
	if after := data(); after != before || !strings.Contains(after, "none") {
		t.Errorf("data = %s, want %s as before", after, before)
	}
	for _, args := range [][]string{{"rewrite"}, {"verify", "--sample", "400"}} {
		c, out := l.Coverage(t, append(args, "--allow-admission-changes")...)
		if r := c.Resources[0]; c.Verdict == "Stale" || r.Stale != 0 || r.Failed != 0 || r.Rewritten == 0 {
			t.Errorf("%v: exit code = %d, report = %+v, want no staleness", args, out.Code, c)
		}
		if notes := strings.Join(c.Notes, " "); !strings.Contains(notes, "drop.example.com") {
			t.Errorf("%v: notes = %v, want one that names the webhook that dropped a value", args, c.Notes)
		}
		// These are current, and lack the label: the next run writes them.
		l.Lab(t, "seed", "--prefix", "seed", "--secrets", fmt.Sprint(n+40), "--namespaces", "4", "--size", "100").Must(t)
	}
	if by := l.Scan(t).ByProvider("secrets"); len(by) != 1 {
		t.Errorf("secrets in etcd = %v, want all encrypted with the customer key", by)
	}
}

// changesAlways has a webhook that changes every object at every write, so that they are unproven.
func changesAlways(t *testing.T, l *labtest.Lab, n int) {
	var count atomic.Int64
	hook := startWebhook(t, func(reviewed) []change {
		return []change{{"add", "/metadata/annotations", map[string]string{"touched": fmt.Sprint(count.Add(1))}}}
	})
	configure(t, l, "seed-0/secret-000000", func() bool { return hook.calls.Load() > 0 },
		hook.in("always", "", admissionv1.Fail, 10))
	c, out := l.Coverage(t, "rewrite", "-n", "seed-2", "--allow-admission-changes")
	if r := c.Resources[0]; out.Code != 1 || c.Verdict != "NotProven" || r.Unproven < n || r.Rewritten != 0 {
		t.Errorf("exit code = %d, report = %+v\n%s", out.Code, c, out.Stderr)
	}
	if !strings.Contains(strings.Join(c.Notes, " "), "change on every no-op write") {
		t.Errorf("notes = %v, want one about the webhook", c.Notes)
	}
}

// policyChanges has a MutatingAdmissionPolicy that adds a label. Older versions of Kubernetes do not serve these.
func policyChanges(t *testing.T, l *labtest.Lab) {
	l.As(t, "admin")
	defer l.As(t, "")
	version := ""
	for _, v := range []string{"v1", "v1beta1"} {
		resources := l.Run(t, "kubectl", "get", "--raw", "/apis/admissionregistration.k8s.io/"+v).Stdout
		if strings.Contains(resources, "mutatingadmissionpolicies") {
			version = v
			break
		}
	}
	if version == "" {
		t.Skip("this version of Kubernetes does not serve MutatingAdmissionPolicy")
	}
	kubectl(t, l, "apply", `{
		"apiVersion":"admissionregistration.k8s.io/`+version+`","kind":"MutatingAdmissionPolicy","metadata":{"name":"label"},
		"spec":{
			"failurePolicy":"Fail","reinvocationPolicy":"Never",
			"matchConstraints":{"resourceRules":[
				{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["secrets"]}
			]},
			"mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{
				"expression":"Object{metadata: Object.metadata{labels: Object.metadata.labels{policy: 'yes'}}}"
			}}]
		}
	}`)
	defer l.Run(t, "kubectl", "delete", "mutatingadmissionpolicybinding,mutatingadmissionpolicy", "label")
	kubectl(t, l, "apply", `{
		"apiVersion":"admissionregistration.k8s.io/`+version+`","kind":"MutatingAdmissionPolicyBinding",
		"metadata":{"name":"label"},"spec":{"policyName":"label"}
	}`)
	refused(t, l, "policy label")
	c, _ := l.Coverage(t, "verify", "--sample", "10", "--allow-admission-changes")
	if c.Verdict == "Stale" || c.Resources[0].Stale != 0 {
		t.Errorf("report = %s, %+v, want no staleness", c.Verdict, c.Resources[0])
	}
}

// staleAgain creates n secrets in four namespaces with the old key.
func staleAgain(t *testing.T, l *labtest.Lab, prefix string, n int) {
	t.Helper()
	l.Lag(t, 1, true)
	l.Lab(t, "seed", "--prefix", prefix, "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.ClearFaults(t)
	if by := l.Scan(t).ByProvider("secrets"); by["aws-owned"] != n {
		t.Fatalf("secrets in etcd = %v, want %d encrypted with the old key", by, n)
	}
}

// hangs has a webhook that does not respond. In one namespace the writes fail after 30 seconds, in
// another one they succeed after 10.
func hangs(t *testing.T, l *labtest.Lab) {
	const n = 400
	staleAgain(t, l, "hang", n)
	ended := make(chan struct{})
	var once atomic.Bool
	hook := startWebhook(t, func(reviewed) []change {
		once.Store(true)
		<-ended
		return nil
	})
	defer close(ended)
	configure(t, l, "hang-3/secret-000003", once.Load,
		hook.in("fails", "hang-2", admissionv1.Fail, 30), hook.in("slow", "hang-3", admissionv1.Ignore, 10))
	stderr := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := l.Command(t, "kubectl-eks_encrypt", "rewrite", "--allow-admission-changes", "-o", "json")
	var stdout strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, file
	started := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	progress := func() string {
		raw, _ := os.ReadFile(stderr)
		return string(raw)
	}
	defer func() {
		_ = cmd.Process.Kill()
		if t.Failed() || os.Getenv("SHOW") != "" {
			t.Logf("stderr:\n%s", progress())
		}
	}()
	waitFor(t, time.Minute, "the other namespaces are not done", func() bool {
		return l.Scan(t).ByProvider("secrets")["aws-owned"] <= n/2
	})
	t.Logf("the other namespaces were done after %s", time.Since(started).Round(time.Second))
	waitFor(t, time.Minute, "the namespaces are not named", func() bool {
		return strings.Contains(progress(), "hang-2") || strings.Contains(progress(), "hang-3")
	})
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	var c labtest.Coverage
	if err := json.Unmarshal([]byte(stdout.String()), &c); err != nil {
		t.Fatalf("no report: %v", err)
	}
	r, by := c.Resources[0], l.Scan(t).ByProvider("secrets")
	if c.Verdict != "Incomplete" || r.Current+r.Rewritten > by["customer"] || r.Failed+r.Unproven < by["aws-owned"] {
		t.Errorf("report = %s, %+v; etcd has %v", c.Verdict, r, by)
	}
}

// isDown has a webhook that does not accept connections. In one namespace the writes fail, in another
// one they succeed.
func isDown(t *testing.T, l *labtest.Lab) {
	hook := startWebhook(t, nil)
	hook.Close()
	never := func() bool { return false }
	configure(t, l, "hang-2/secret-000002", never,
		hook.in("refused", "hang-2", admissionv1.Fail, 10), hook.in("ignored", "hang-3", admissionv1.Ignore, 10))
	c, out := l.Coverage(t, "rewrite", "--allow-admission-changes")
	r, by := c.Resources[0], l.Scan(t).ByProvider("secrets")
	if out.Code != 1 || c.Verdict != "Incomplete" || r.Failed == 0 || r.Failed != len(r.Failures) ||
		r.Current+r.Rewritten != by["customer"] || r.Failed < by["aws-owned"] {
		t.Fatalf("exit code = %d, report = %s, %+v; etcd has %v", out.Code, c.Verdict, r, by)
	}
	for _, f := range r.Failures {
		if f.Namespace != "hang-2" || !strings.Contains(f.Message, "refused.example.com") {
			t.Fatalf("failure = %+v, want one of the webhook in hang-2", f)
		}
	}
}
