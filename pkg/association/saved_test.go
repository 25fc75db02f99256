package association

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// saved returns the plan of facts that pass, after a change, as YAML.
func saved(t *testing.T, change func(*Facts)) (*v1alpha1.AssociationPlan, string) {
	t.Helper()
	f := passing()
	f.Cluster.ARN = "arn:aws:eks:eu-central-1:" + awstest.Account + ":cluster/lab"
	if change != nil {
		change(&f)
	}
	p, _ := Plan(f)
	text, err := yaml.Marshal(p)
	awstest.Must(t, err)
	return p, string(text)
}

func TestParsePlan(t *testing.T) {
	want, text := saved(t, nil)
	for _, form := range []string{text, "# reviewed\n---\n" + text} {
		got, err := ParsePlan([]byte(form))
		awstest.Must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	json, err := yaml.YAMLToJSON([]byte(text))
	awstest.Must(t, err)
	if _, err := ParsePlan(json); err != nil {
		t.Errorf("JSON: %v", err)
	}
	replace := func(old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("the plan does not contain %q:\n%s", old, text)
		}
		return strings.Replace(text, old, with, 1)
	}
	for name, test := range map[string][2]string{
		"empty":             {"", "not an AssociationPlan"},
		"another kind":      {replace("kind: AssociationPlan", "kind: KeyList"), "KeyList"},
		"another version":   {replace("eks-encrypt/v1alpha1", "eks-encrypt/v1"), "eks-encrypt/v1"},
		"unknown field":     {text + "force: true\n", "unknown field"},
		"another case":      {replace("decision:", "Decision:"), "unknown field"},
		"duplicate field":   {text + "decision: Adopt\n", "already set"},
		"a second document": {text + "---\nkind: x\n", "more than one document"},
		"the end marker":    {text + "...\nkind: x\n", "more than one document"},
		"no decision":       {replace("decision: Associate\n", ""), "decision is missing"},
		"no caller":         {replace("account: \"111122223333\"\n  arn: arn:aws:iam", "arn: arn:aws:iam"), "caller.account"},
		"no YAML":           {"\t{", "parse the plan"},
		"a wrong type":      {replace("decision: Associate", "decision: 1"), "parse the plan"},
	} {
		if p, err := ParsePlan([]byte(test[0])); !contains(err, test[1]) {
			t.Errorf("%s: ParsePlan = %+v, %v; want an error with %q", name, p, err, test[1])
		}
	}
}

func TestCheckUnchanged(t *testing.T) {
	before, _ := saved(t, nil)
	for _, test := range []struct {
		name   string
		change func(*Facts)
		want   string // in the error; empty for none
	}{
		{"nothing", nil, ""},
		{"another session of the caller", func(f *Facts) { f.Caller.ARN += "x" }, ""},
		{"another cluster", func(f *Facts) { f.Cluster.ARN += "x" }, "the cluster was arn"},
		{"another key", func(f *Facts) { f.Key.ARN = otherKey }, "the key was " + keyARN + " and is now " + otherKey},
		{"another caller's account", func(f *Facts) { f.Caller.Account = awstest.OtherAccount }, "the caller's account"},
		{"the cluster has a key", func(f *Facts) { f.Live.KeyARN = keyARN },
			"the verdict was NotEncrypted and is now CustomerManagedKey"},
		{"the association runs", func(f *Facts) { f.Updates = running(eks.TypeAssociation, keyARN) },
			"the last association was none and is now u-1 (InProgress)"},
		{"another update runs", func(f *Facts) { f.Updates = running("VersionUpdate", "") },
			`the check "no other update is in progress"`},
		{"a check", func(f *Facts) { f.UsedBy = []string{"arn:other"} }, `the check "key used by other EKS clusters here"`},
		{"a check that is gone", func(f *Facts) { f.Grant = nil }, `the check "caller may grant the key"`},
	} {
		now, _ := saved(t, test.change)
		err := CheckUnchanged(before, now)
		if (err == nil) != (test.want == "") || test.want != "" && !contains(err, test.want) {
			t.Errorf("%s: error = %v, want %q", test.name, err, test.want)
		}
	}
	// The messages of AWS name the caller.
	unread := func(who string) func(*Facts) {
		return func(f *Facts) {
			f.Caller.ARN = who
			f.PolicyIssues.Unknown = []string{"User: " + who + " is not authorized"}
		}
	}
	one, _ := saved(t, unread("arn:aws:sts::1:assumed-role/ci/1"))
	two, _ := saved(t, unread("arn:aws:sts::1:assumed-role/ci/2"))
	if err := CheckUnchanged(one, two); err != nil {
		t.Errorf("two sessions of one role: %v", err)
	}
}

func FuzzParsePlan(f *testing.F) {
	plan, _ := Plan(passing())
	plan.Cluster.ARN = "arn"
	text, err := yaml.Marshal(plan)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("apiVersion: eks-encrypt/v1alpha1\nkind: AssociationPlan\n"))
	f.Add([]byte("---\n{}\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePlan(text)
		if err != nil {
			return
		}
		if p.Cluster.ARN == "" || p.Key.ARN == "" || p.Caller.Account == "" || p.Decision == "" || len(p.Checks) == 0 {
			t.Fatalf("ParsePlan(%q) = %+v, want an error", text, p)
		}
		if err := CheckUnchanged(p, p); err != nil {
			t.Fatalf("a plan differs from itself: %v", err)
		}
		again, err := yaml.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := ParsePlan(again); err != nil || !cmp.Equal(p, q) {
			t.Fatalf("ParsePlan of the same plan: %v\n%s", err, again)
		}
	})
}
