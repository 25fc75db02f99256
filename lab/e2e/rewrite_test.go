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

// metadata returns the metadata of all secrets by UID, without the resourceVersion.
// A rewrite must not change it.
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

// A rewrite moves all secrets from the AWS-owned key to the customer key, and changes
// nothing else. A second run writes nothing.
func TestRewrite(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const n = 600
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n-1), "--namespaces", "3", "--size", "1024").Must(t)
	// The secret is immutable, and its annotations are at the size limit, so that no
	// annotation can be added.
	kubectl(t, l, "create", `{"apiVersion":"v1","kind":"Secret","immutable":true,"metadata":{
		"name":"locked","namespace":"default","annotations":{"full":"`+strings.Repeat("x", 262_100)+`"}}}`)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	c, out := l.Coverage(t, "verify")
	if out.Code != 3 || c.Verdict != "NotProven" || c.Resources[0].Unproven != n {
		t.Errorf("verify after the association: exit code = %d, report = %+v", out.Code, c)
	}
	before := metadata(t, l)
	evidence := filepath.Join(t.TempDir(), "evidence.json")
	private, public := keyPair(t)
	c, out = l.Coverage(t, "rewrite", "--evidence", evidence, "--sign-with", private)
	if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Rewritten != n || c.Resources[0].Total != n {
		t.Errorf("rewrite: exit code = %d, report = %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != n || len(by) != 1 {
		t.Errorf("secrets in etcd = %v, want %d encrypted with the customer key", by, n)
	}
	after := metadata(t, l)
	if len(after) != len(before) {
		t.Errorf("number of secrets = %d, want %d as before", len(after), len(before))
	}
	for uid, text := range before {
		if after[uid] != text {
			t.Errorf("metadata = %s\nwant %s", after[uid], text)
		}
	}
	stdout := l.Plugin(t, "evidence", "verify", evidence, "--key", public, "-o", "json").Must(t)
	if !strings.Contains(stdout, `"result": "Verified"`) || !strings.Contains(stdout, `"verdict": "Proven"`) {
		t.Errorf("evidence verify = %s, want Verified and Proven", stdout)
	}
	const versions = `jq -r .payload "$0" | base64 -d |
		jq -r '.predicate.resources[0].resourceVersions | .before, .after'`
	if v := strings.Fields(l.Run(t, "sh", "-c", versions, evidence).Must(t)); len(v) != 2 || v[0] == "null" {
		t.Errorf("resourceVersions of the evidence = %v, want two", v)
	}

	// A second run writes nothing.
	l.Run(t, "kubectl", "-n", "kube-system", "get", "configmap", "eks-encrypt").Must(t)
	revision := secretsRevision(t, l)
	c, out = l.Coverage(t, "rewrite", "--no-record")
	if out.Code != 0 || c.Resources[0].Current != n || c.Resources[0].Rewritten != 0 {
		t.Errorf("second run: exit code = %d, report = %+v", out.Code, c)
	}
	if now := secretsRevision(t, l); now != revision {
		t.Errorf("revision of the secrets = %s, want %s as before", now, revision)
	}
	c, out = l.Coverage(t, "verify")
	if out.Code != 3 || c.Verdict != "Recorded" || !strings.Contains(strings.Join(c.Notes, " "), "rests on a record") {
		t.Errorf("verify after the rewrite: exit code = %d, report = %+v", out.Code, c)
	}
}

// secretsRevision returns the largest resourceVersion of all secrets and their number.
func secretsRevision(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	const format = "jsonpath={.items[*].metadata.resourceVersion}"
	raw := l.Run(t, "kubectl", "get", "secrets", "-A", "-o", format).Must(t)
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

// With mixtures of current, stale and unencrypted secrets the counts of the report
// agree with etcd.
func TestMixtures(t *testing.T) {
	const mixtures = 20
	l := labtest.Start(t, "--association-time", "1s")
	random := rand.New(rand.NewPCG(7, 11))
	stale, plain, current := [mixtures]int{}, [mixtures]int{}, [mixtures]int{}
	seed := func(i, n int, extra ...string) {
		if n > 0 {
			l.Lab(t, append([]string{"seed", "--prefix", fmt.Sprintf("mix%d", i), "--size", "64"}, extra...)...).Must(t)
		}
	}
	for i := range mixtures {
		stale[i], plain[i], current[i] = random.IntN(30), random.IntN(20), random.IntN(30)
		seed(i, 1+stale[i], "--secrets", fmt.Sprint(stale[i])) // at least the namespace
		seed(i, plain[i], "--secrets", fmt.Sprint(stale[i]+plain[i]), "--plain")
	}
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	namespace := func(i int) string { return fmt.Sprintf("mix%d-0", i) }
	l.Run(t, "kubectl", "get", "namespace", namespace(0)).Must(t)
	for i := range mixtures {
		total := stale[i] + plain[i] + current[i]
		seed(i, current[i], "--secrets", fmt.Sprint(total))
		before := l.Scan(t).ByProvider("secrets")
		c, out := l.Coverage(t, "rewrite", "-n", namespace(i))
		after := l.Scan(t).ByProvider("secrets")
		r := c.Resources[0]
		want := [4]int{total, current[i], stale[i] + plain[i], 0}
		got := [4]int{r.Total, r.Current, r.Rewritten, r.Failed + r.Unproven + r.Gone}
		if got != want || out.Code != 0 {
			t.Errorf("mixture %d: total, current, rewritten, other = %v, want %v; exit code = %d",
				i, got, want, out.Code)
		}
		for provider, change := range map[string]int{
			"aws-owned": -stale[i], "identity": -plain[i], "customer": r.Rewritten,
		} {
			if got := after[provider] - before[provider]; got != change {
				t.Errorf("mixture %d: change in etcd of %s = %d, want %d", i, provider, got, change)
			}
		}
	}
	if by := l.Scan(t).ByProvider("secrets"); len(by) != 1 || by["customer"] == 0 {
		t.Errorf("secrets in etcd at the end = %v, want all encrypted with the customer key", by)
	}
}

// With --all-resources a rewrite covers all stored API data, including custom resources.
func TestAllResources(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.As(t, "admin")
	kubectl(t, l, "apply", `{
		"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
		"metadata":{"name":"widgets.example.com"},
		"spec":{
			"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},
			"versions":[{"name":"v1","served":true,"storage":true,"schema":{
				"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}
			}}]
		}
	}`)
	l.Run(t, "kubectl", "wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=60s").Must(t)
	for i := range 5 {
		const widget = `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w%d","namespace":"default"}}`
		kubectl(t, l, "apply", fmt.Sprintf(widget, i))
	}
	// The API server prints another name of a default class.
	kubectl(t, l, "apply", `{
		"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","provisioner":"ebs.csi.aws.com",
		"metadata":{"name":"gp3","annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}
	}`)
	kubectl(t, l, "apply", `{
		"apiVersion":"networking.k8s.io/v1","kind":"IngressClass","spec":{"controller":"example.com/alb"},
		"metadata":{"name":"alb","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}}
	}`)
	l.Lab(t, "seed", "--secrets", "20", "--configmaps", "20").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	c, out := l.Coverage(t, "rewrite", "--all-resources")
	if out.Code != 0 || c.Verdict != "Proven" {
		t.Errorf("exit code = %d, verdict = %s: %s\n%s", out.Code, c.Verdict, c.Statement, out.Stderr)
	}
	for _, count := range l.Scan(t).Counts {
		switch {
		case count.Provider == "customer":
		case count.Resource == "ranges" || count.Resource == "peerserverleases":
			// Kubernetes never encrypts these.
		case count.Resource == "leases" || count.Resource == "events":
			// Only rewritten if named with --resources.
		default:
			t.Errorf("%d %s have provider %s, want customer", count.Objects, count.Resource, count.Provider)
		}
	}
	c, _ = l.Coverage(t, "rewrite", "--resources", "leases.coordination.k8s.io,events")
	if len(c.Resources) < 2 {
		t.Errorf("resources = %+v, want leases and events", c.Resources)
	}
}

// kubectl runs kubectl apply or create with the manifest.
func kubectl(t *testing.T, l *labtest.Lab, verb, manifest string) {
	t.Helper()
	cmd := l.Command(t, "kubectl", verb, "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", verb, err, out)
	}
}

// Errors during a rewrite lead to correct counts, and nothing is lost.
func TestRewriteErrors(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const n = 3000
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	t.Run("the API server is killed", func(t *testing.T) {
		var c labtest.Coverage
		var out labtest.Output
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, out = l.Coverage(t, "rewrite")
		}()
		waitFor(t, time.Minute, "no secret was rewritten", func() bool {
			return l.Scan(t).ByProvider("secrets")["customer"] > 0
		})
		l.Lab(t, "fault", "add", "apiserver-stopped")
		time.Sleep(2 * time.Second)
		l.Lab(t, "fault", "clear")
		<-done
		if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Total != n || c.Resources[0].Failed != 0 {
			t.Errorf("exit code = %d, report = %+v\n%s", out.Code, c, out.Stderr)
		}
		if by := l.Scan(t).ByProvider("secrets"); by["customer"] != n {
			t.Errorf("secrets in etcd = %v, want %d encrypted with the customer key", by, n)
		}
	})

	t.Run("the namespace does not exist", func(t *testing.T) {
		out := l.Plugin(t, "rewrite", "-n", "seed-0x")
		if out.Code != 2 || !strings.Contains(out.Stderr, `namespace "seed-0x" does not exist`) {
			t.Errorf("exit code = %d, want 2\n%s", out.Code, out.Stderr)
		}
	})

	t.Run("a policy denies one write", func(t *testing.T) {
		l.As(t, "admin")
		kubectl(t, l, "apply", `{
			"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicy",
			"metadata":{"name":"deny"},
			"spec":{
				"failurePolicy":"Fail",
				"matchConstraints":{"resourceRules":[
					{"apiGroups":[""],"apiVersions":["v1"],"operations":["UPDATE"],"resources":["secrets"]}
				]},
				"validations":[{"expression":"object.metadata.name != 'frozen'","message":"it is frozen"}]
			}
		}`)
		kubectl(t, l, "apply", `{
			"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingAdmissionPolicyBinding",
			"metadata":{"name":"deny"},"spec":{"policyName":"deny","validationActions":["Deny"]}
		}`)
		l.Run(t, "kubectl", "create", "secret", "generic", "frozen", "--from-literal=a=b").Must(t)
		waitFor(t, 30*time.Second, "the policy is not active", func() bool {
			l.Run(t, "kubectl", "label", "secret", "frozen", "a-")
			return l.Run(t, "kubectl", "label", "secret", "frozen", "a=b", "--overwrite").Code != 0
		})
		c, out := l.Coverage(t, "rewrite")
		r := c.Resources[0]
		if out.Code != 1 || c.Verdict != "Incomplete" || r.Failed != 1 || r.Current != n || len(r.Failures) != 1 {
			t.Fatalf("exit code = %d, report = %+v", out.Code, c)
		}
		f := r.Failures[0]
		if f.Namespace != "default" || f.Name != "frozen" || !strings.Contains(f.Message, "it is frozen") {
			t.Errorf("failure = %+v, want that of default/frozen", f)
		}
		l.Run(t, "kubectl", "delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "deny").Must(t)
	})

	t.Run("without permission to patch", func(t *testing.T) {
		l.As(t, "reader")
		out := l.Plugin(t, "rewrite").Exits(t, 2) // it may not list the webhooks
		if !strings.Contains(out.Stderr, "mutatingwebhookconfigurations") {
			t.Errorf("stderr does not name what could not be listed: %s", out.Stderr)
		}
		out = l.Plugin(t, "rewrite", "--allow-admission-changes").Exits(t, 1)
		if !strings.Contains(out.Stderr, "patch") && !strings.Contains(out.Stderr, "list") {
			t.Errorf("stderr does not name the missing permission: %s", out.Stderr)
		}
		l.As(t, "no-access")
		l.Plugin(t, "rewrite", "--allow-admission-changes").Exits(t, 1)
		l.As(t, "")
	})
}
