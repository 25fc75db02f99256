package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// metadata is what must not change: all of it but the resourceVersion.
func metadata(t *testing.T, l *labtest.Lab) map[string]string {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata map[string]any `json:"metadata"`
		} `json:"items"`
	}
	raw := l.Run(t, "kubectl", "get", "secrets", "-A", "-o", "json", "--show-managed-fields").Must(t)
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		t.Fatal(err)
	}
	byUID := map[string]string{}
	for _, item := range list.Items {
		delete(item.Metadata, "resourceVersion")
		text, _ := json.Marshal(item.Metadata)
		byUID[item.Metadata["uid"].(string)] = string(text)
	}
	return byUID
}

// From the AWS-owned key to the customer's, with the oracle as witness.
func TestRewrite(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const n = 600
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n-1), "--namespaces", "3", "--size", "1024").Must(t)
	// Immutable, and with annotations at their limit: an eksctl-like annotation would not fit.
	create(t, l, `{"apiVersion":"v1","kind":"Secret","immutable":true,"metadata":{"name":"locked","namespace":"default","annotations":{"full":"`+strings.Repeat("x", 262_100)+`"}}}`)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	c, out := l.Coverage(t, "verify")
	if out.Code != 3 || c.Verdict != "NotProven" || c.Resources[0].Unproven != n {
		t.Errorf("verify after the association: exit code %d, %+v", out.Code, c)
	}
	before := metadata(t, l)
	evidence := filepath.Join(t.TempDir(), "evidence.json")
	c, out = l.Coverage(t, "rewrite", "--evidence", evidence)
	if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Rewritten != n || c.Resources[0].Total != n {
		t.Errorf("rewrite: exit code %d, %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).By("secrets"); by["customer"] != n || len(by) != 1 {
		t.Errorf("etcd holds %v", by)
	}
	after := metadata(t, l)
	if len(after) != len(before) {
		t.Errorf("%d secrets before, %d after", len(before), len(after))
	}
	for uid, text := range before {
		if after[uid] != text {
			t.Errorf("the metadata changed:\n%s\n%s", text, after[uid])
		}
	}
	sum := l.Run(t, "sh", "-c", `jq -cSj 'del(.sha256)' "$0" | sha256sum | cut -d' ' -f1; jq -r .sha256 "$0"`, evidence).Must(t)
	if lines := strings.Fields(sum); len(lines) != 2 || lines[0] != lines[1] {
		t.Errorf("the evidence's sha256 does not hold: %s", sum)
	}

	// A second run writes nothing: not the record either, which is there.
	l.Run(t, "kubectl", "-n", "kube-system", "get", "configmap", "eks-encrypt").Must(t)
	revision := secretsRevision(t, l)
	c, out = l.Coverage(t, "rewrite", "--no-record")
	if out.Code != 0 || c.Resources[0].Current != n || c.Resources[0].Rewritten != 0 {
		t.Errorf("second run: %+v", c)
	}
	if now := secretsRevision(t, l); now != revision {
		t.Errorf("a secret changed: %s, then %s", revision, now)
	}
	c, out = l.Coverage(t, "verify")
	if out.Code != 0 || c.Verdict != "Proven" || !strings.Contains(strings.Join(c.Notes, " "), "rests on a record") {
		t.Errorf("verify afterwards: %d, %+v", out.Code, c)
	}
}

// secretsRevision is the largest resourceVersion of all secrets, and their number.
func secretsRevision(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	raw := l.Run(t, "kubectl", "get", "secrets", "-A", "-o", "jsonpath={.items[*].metadata.resourceVersion}").Must(t)
	largest, count := 0, 0
	for _, field := range strings.Fields(raw) {
		var n int
		if _, err := fmt.Sscan(field, &n); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, n)
		count++
	}
	return fmt.Sprint(largest, " of ", count)
}

// On mixtures of current, stale and unencrypted secrets the report's counts are
// the oracle's.
func TestMixtures(t *testing.T) {
	const mixtures = 20
	l := labtest.Start(t, "--association-time", "1s")
	dice := rand.New(rand.NewPCG(7, 11))
	stale, plain, current := [mixtures]int{}, [mixtures]int{}, [mixtures]int{}
	seed := func(i, n int, extra ...string) {
		if n > 0 {
			l.Lab(t, append([]string{"seed", "--prefix", fmt.Sprintf("mix%d", i), "--size", "64"}, extra...)...).Must(t)
		}
	}
	for i := range mixtures {
		stale[i], plain[i], current[i] = dice.IntN(30), dice.IntN(20), dice.IntN(30)
		seed(i, 1+stale[i], "--secrets", fmt.Sprint(stale[i])) // the namespace at least
		seed(i, plain[i], "--secrets", fmt.Sprint(stale[i]+plain[i]), "--plain")
	}
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	namespace := func(i int) string { return fmt.Sprintf("mix%d-0", i) }
	if out := l.Run(t, "kubectl", "get", "ns", "-o", "name").Must(t); !strings.Contains(out, "/"+namespace(0)+"\n") {
		t.Fatalf("no namespace %s: %s", namespace(0), out)
	}
	for i := range mixtures {
		total := stale[i] + plain[i] + current[i]
		seed(i, current[i], "--secrets", fmt.Sprint(total))
		was := l.Scan(t).By("secrets")
		c, out := l.Coverage(t, "rewrite", "-n", namespace(i))
		is := l.Scan(t).By("secrets")
		r := c.Resources[0]
		want := [4]int{total, current[i], stale[i] + plain[i], 0}
		if got := [4]int{r.Total, r.Current, r.Rewritten, r.Failed + r.Unproven + r.Gone}; got != want || out.Code != 0 {
			t.Errorf("mixture %d: total, current, rewritten, other = %v, want %v (exit code %d)", i, got, want, out.Code)
		}
		if was["aws-owned"]-is["aws-owned"] != stale[i] || was["identity"]-is["identity"] != plain[i] || is["customer"]-was["customer"] != r.Rewritten {
			t.Errorf("mixture %d: the oracle says %v, then %v; %d stale, %d plain", i, was, is, stale[i], plain[i])
		}
	}
	if by := l.Scan(t).By("secrets"); len(by) != 1 || by["customer"] == 0 {
		t.Errorf("in the end etcd holds %v", by)
	}
}

// All stored API data, custom resources among it.
func TestAllResources(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.As(t, "admin")
	crd := `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`
	apply(t, l, crd)
	l.Run(t, "kubectl", "wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=60s").Must(t)
	for i := range 5 {
		apply(t, l, fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w%d","namespace":"default"}}`, i))
	}
	l.Lab(t, "seed", "--secrets", "20", "--configmaps", "20").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	c, out := l.Coverage(t, "rewrite", "--all-resources")
	if out.Code != 0 || c.Verdict != "Proven" {
		t.Errorf("exit code %d, %s: %s\n%s", out.Code, c.Verdict, c.Statement, out.Stderr)
	}
	for _, count := range l.Scan(t).Counts {
		switch {
		case count.Provider == "customer":
		case count.Resource == "ranges" || count.Resource == "peerserverleases":
			// Kubernetes itself never encrypts these.
		case count.Resource == "leases" || count.Resource == "events":
			// by name only
		default:
			t.Errorf("%d %s are left under %s", count.Objects, count.Resource, count.Provider)
		}
	}
	c, _ = l.Coverage(t, "rewrite", "--resources", "leases.coordination.k8s.io,events")
	if len(c.Resources) < 2 {
		t.Errorf("leases and events by name: %+v", c.Resources)
	}
}

func apply(t *testing.T, l *labtest.Lab, manifest string) { kubectl(t, l, manifest, "apply") }

func create(t *testing.T, l *labtest.Lab, manifest string) { kubectl(t, l, manifest, "create") }

func kubectl(t *testing.T, l *labtest.Lab, manifest, verb string) {
	t.Helper()
	cmd := l.Command(t, "kubectl", verb, "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", verb, err, out)
	}
}

// What goes wrong on the way: true counts, nothing lost.
func TestRewriteThroughTrouble(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const n = 3000
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	t.Run("the API server is killed midway", func(t *testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(1500 * time.Millisecond)
			l.Lab(t, "fault", "add", "apiserver-stopped")
			time.Sleep(2 * time.Second)
			l.Lab(t, "fault", "clear")
		}()
		c, out := l.Coverage(t, "rewrite")
		<-done
		if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Total != n || c.Resources[0].Failed != 0 {
			t.Errorf("exit code %d, %+v\n%s", out.Code, c, out.Stderr)
		}
		if by := l.Scan(t).By("secrets"); by["customer"] != n {
			t.Errorf("etcd holds %v", by)
		}
	})

	t.Run("a policy denies one", func(t *testing.T) {
		l.As(t, "admin")
		apply(t, l, `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy","metadata":{"name":"deny"},"spec":{"failurePolicy":"Fail","matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["secrets"]}]},"validations":[{"expression":"object.metadata.name != 'frozen'","message":"it is frozen"}]}}`)
		apply(t, l, `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding","metadata":{"name":"deny"},"spec":{"policyName":"deny","validationActions":["Deny"]}}`)
		l.Run(t, "kubectl", "create", "secret", "generic", "frozen", "--from-literal=a=b").Must(t)
		for deadline := time.Now().Add(30 * time.Second); l.Run(t, "kubectl", "label", "secret", "frozen", "a=b", "--overwrite").Code == 0; time.Sleep(200 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the policy is not in force")
			}
			l.Run(t, "kubectl", "label", "secret", "frozen", "a-")
		}
		c, out := l.Coverage(t, "rewrite")
		r := c.Resources[0]
		if out.Code != 1 || c.Verdict != "Incomplete" || r.Failed != 1 || r.Current != n || len(r.Failures) != 1 {
			t.Fatalf("exit code %d, %+v", out.Code, c)
		}
		if f := r.Failures[0]; f.Namespace != "default" || f.Name != "frozen" || !strings.Contains(f.Message, "it is frozen") {
			t.Errorf("%+v", f)
		}
		l.Run(t, "kubectl", "delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "deny").Must(t)
	})

	t.Run("without the right to patch", func(t *testing.T) {
		l.As(t, "reader")
		out := l.Plugin(t, "rewrite").Exits(t, 1)
		if !strings.Contains(out.Stderr, "patch") && !strings.Contains(out.Stderr, "list") {
			t.Errorf("the missing right is not named: %s", out.Stderr)
		}
		l.As(t, "nobody")
		l.Plugin(t, "rewrite").Exits(t, 1)
		l.As(t, "")
	})
}
