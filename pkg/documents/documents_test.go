package documents

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const (
	cluster = "arn:aws:eks:us-west-2:111122223333:cluster/lab"
	key     = "arn:aws:kms:us-west-2:111122223333:key/1234"
)

func TestIAMPolicy(t *testing.T) {
	for _, purpose := range Purposes() {
		for _, optional := range []bool{false, true} {
			d, err := IAMPolicy(IAMOptions{For: purpose, ClusterARN: cluster, KeyARN: key, Optional: optional})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Statement) == 0 {
				t.Errorf("IAMPolicy(%s) has 0 statements, want some", purpose)
			}
			seen := map[string]bool{}
			for _, s := range d.Statement {
				if seen[s.Sid] {
					t.Errorf("%s: duplicate Sid %s", purpose, s.Sid)
				}
				seen[s.Sid] = true
				for _, a := range s.Action {
					elsewhere := slices.Contains([]string{"account:ListRegions", "organizations:ListAccounts",
						"organizations:ListAccountsForParent", "organizations:ListChildren", "sts:AssumeRole", "iam:GetRole",
						"cloudtrail:LookupEvents",
					}, a) && optional
					if strings.Contains(a, "*") || !strings.HasPrefix(a, "eks:") && !strings.HasPrefix(a, "kms:") &&
						!elsewhere {
						t.Errorf("%s: allows %s", purpose, a)
					}
					for _, never := range []string{
						"Disable", "Delete", "Deletion", "Revoke", "Retire", "PutKeyPolicy", "EnableKeyRotation", "UpdateAlias",
					} {
						if strings.Contains(a, never) {
							t.Errorf("%s: allows %s", purpose, a)
						}
					}
					if a == "kms:CreateGrant" && !slices.Equal(s.Resource, []string{key}) {
						t.Errorf("%s: allows %s on %q, want only %s", purpose, a, s.Resource, key)
					}
				}
			}
			if !json.Valid([]byte(d.String())) {
				t.Errorf("%s: invalid JSON: %s", purpose, d)
			}
		}
	}
	if _, err := IAMPolicy(IAMOptions{For: "everything"}); err == nil {
		t.Error("IAMPolicy with an unknown purpose = nil error, want an error")
	}
}

// TestIAMPolicyForAnyKey checks that a grant on every key needs a condition, whatever the purpose.
func TestIAMPolicyForAnyKey(t *testing.T) {
	anyKey := strings.Replace(key, "key/1234", "key/*", 1)
	condition, err := ParseKeyCondition("alias/eks-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, purpose := range Purposes() {
		d, err := IAMPolicy(IAMOptions{For: purpose, ClusterARN: cluster, KeyARN: anyKey, Optional: true})
		if (err != nil) != NeedsKey(purpose) {
			t.Errorf("%s without a condition: error = %v", purpose, err)
		}
		for _, s := range d.Statement {
			if slices.Contains(s.Action, "kms:CreateGrant") {
				t.Errorf("%s without a condition allows a grant on %q", purpose, s.Resource)
			}
		}
		d, err = IAMPolicy(IAMOptions{For: purpose, ClusterARN: cluster, KeyARN: anyKey, KeyCondition: condition})
		if err != nil {
			t.Errorf("%s with a condition: %v", purpose, err)
		}
		for _, s := range d.Statement {
			if slices.Contains(s.Action, "kms:CreateGrant") && len(s.Condition) == 0 {
				t.Errorf("%s allows a grant without the condition", purpose)
			}
		}
	}
}

func TestParseKeyCondition(t *testing.T) {
	for text, want := range map[string]string{
		"alias/eks-*":   "{ForAnyValue:StringLike:{kms:ResourceAliases:[alias/eks-*]}}",
		"alias/sail*":   "{ForAnyValue:StringLike:{kms:ResourceAliases:[alias/sail*]}}",
		"team=payments": "{StringEquals:{aws:ResourceTag/team:[payments]}}",
		"a:b=c=d":       "{StringEquals:{aws:ResourceTag/a:b:[c=d]}}",
		"alias/*":       "",
		"alias/*?":      "",
		"alias/":        "",
		"alias/a b":     "",
		"":              "",
		"team":          "",
		"team=":         "",
		"=x":            "",
		"team=*":        "",
		"te\"am=x":      "",
		"a=\x1b[2J":     "",
	} {
		condition, err := ParseKeyCondition(text)
		got := ""
		if err == nil {
			raw, marshalErr := json.Marshal(condition)
			if marshalErr != nil {
				t.Fatal(marshalErr)
			}
			got = strings.ReplaceAll(string(raw), `"`, "")
		}
		if got != want {
			t.Errorf("ParseKeyCondition(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestRBAC(t *testing.T) {
	for _, o := range []RBACOptions{
		{Name: "n", Kind: "User", Subject: "u: \"x\" - y"}, {Name: "n", Kind: "Group", Subject: "g", ReadOnly: true},
		{Name: "n", Kind: "ServiceAccount", Subject: "ns/sa", AllResources: true},
		{Name: "n", Kind: "User", Subject: "auditor", Metrics: true},
	} {
		text, err := RBAC(o)
		if err != nil {
			t.Fatal(err)
		}
		documents := strings.Split(text, "---\n")
		if len(documents) != 4 {
			t.Fatalf("%d documents, want 4", len(documents))
		}
		for _, d := range documents {
			if strings.Contains(d, "creationTimestamp") || strings.Contains(d, "null") {
				t.Errorf("RBAC(%+v) has empty fields, want none:\n%s", o, d)
			}
			var object struct {
				Kind  string
				Rules []struct{ Resources, Verbs []string }
			}
			if err := yaml.Unmarshal([]byte(d), &object); err != nil {
				t.Fatalf("%v\n%s", err, d)
			}
			for _, rule := range object.Rules {
				for i, resource := range rule.Resources {
					if verbs := strings.Join(rule.Verbs, ","); resource != "configmaps" && !o.Metrics &&
						strings.Contains(verbs, "get") || (o.ReadOnly || o.Metrics) && strings.Contains(verbs, "patch") {
						t.Errorf("RBAC(%+v) allows %s on %s, want no such rule", o, verbs, rule.Resources[i])
					}
				}
			}
		}
	}
	for _, o := range []RBACOptions{
		{Name: "n", Kind: "User"}, {Name: "n", Kind: "ServiceAccount", Subject: "sa"}, {Name: "n", Kind: "Robot", Subject: "r"},
		{Name: "n", Kind: "ServiceAccount", Subject: "ns/s a"}, {Name: "n", Kind: "ServiceAccount", Subject: "n\ns/sa"},
		{Name: "n", Kind: "User", Subject: "a\nb"}, {Name: "n", Kind: "Group", Subject: "a\u202Eb"},
		{Name: "n\nm", Kind: "User", Subject: "a"}, {Name: "n/m", Kind: "User", Subject: "a"}, {Kind: "User", Subject: "a"},
	} {
		if _, err := RBAC(o); err == nil {
			t.Errorf("RBAC(%+v) = nil error, want an error", o)
		}
	}
}

// TestRBACAllResources checks that the roles list what the cluster serves, or else say how much they allow.
func TestRBACAllResources(t *testing.T) {
	discovered := []schema.GroupResource{
		{Resource: "secrets"}, {Group: "apps", Resource: "deployments"}, {Resource: "configmaps"},
		{Group: "x.example.com", Resource: "widgets"},
	}
	for _, test := range []struct {
		o         RBACOptions
		first     string
		resources string
	}{
		{RBACOptions{AllResources: true}, "# CAUTION: close to cluster-admin", "*"},
		{RBACOptions{AllResources: true, ReadOnly: true}, "# CAUTION: this role may list every resource", "*"},
		{RBACOptions{AllResources: true, Discovered: discovered}, "# Only the resources that", "configmaps,deployments,secrets,widgets"},
		{RBACOptions{}, "apiVersion: rbac", "secrets"},
	} {
		test.o.Name, test.o.Kind, test.o.Subject = "n", "Group", "g"
		text, err := RBAC(test.o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, test.first) {
			t.Errorf("RBAC(%+v) begins with %.60q, want %q", test.o, text, test.first)
		}
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(strings.Split(text, "---\n")[0]), &role); err != nil {
			t.Fatal(err)
		}
		var resources []string
		for _, rule := range role.Rules {
			for _, r := range rule.Resources {
				witnesses := []string{
					"namespaces", "apiservices", "leases", "mutatingwebhookconfigurations", "mutatingadmissionpolicies",
				}
				if !slices.Contains(witnesses, r) {
					resources = append(resources, r)
				}
				if strings.Contains(r, "/") {
					t.Errorf("RBAC(%+v) allows the subresource %s", test.o, r)
				}
			}
			if test.o.ReadOnly && slices.Contains(rule.Verbs, "patch") {
				t.Errorf("read-only rule = %+v", rule)
			}
		}
		slices.Sort(resources)
		if got := strings.Join(resources, ","); got != test.resources {
			t.Errorf("RBAC(%+v) allows %s, want %s", test.o, got, test.resources)
		}
	}
}

// TestRunbookHostile checks that values from AWS stay in their table cells.
func TestRunbookHostile(t *testing.T) {
	const evil = "x | y\n# Approved `rm -rf` <script>"
	r := Runbook{Now: time.Unix(0, 0), Tool: "v1", Flags: " --context c", Plan: &v1alpha1.AssociationPlan{
		Key:    v1alpha1.KeyListItem{ARN: key, Aliases: []string{evil}},
		Checks: []v1alpha1.Check{{Name: "check", Result: v1alpha1.ResultWarn, Message: evil, Remedy: evil}},
		Drift:  v1alpha1.Drift{Tool: v1alpha1.ToolPalette, Consequence: evil, Remedy: evil, Snippet: "a\n```\nb\n"},
	}}
	r.Report.Cluster = v1alpha1.Cluster{
		Name: evil, ManagedBy: &v1alpha1.ManagedBy{Tool: v1alpha1.ToolPalette, Evidence: evil},
	}
	text := r.String()
	if strings.Contains(text, "\n# Approved") || strings.Contains(text, "<script>") {
		t.Errorf("a value became Markdown, want plain text:\n%s", text)
	}
	if n := strings.Count(text, "```"); n%2 != 0 {
		t.Errorf("%d fences, want an even number", n)
	}
	for _, want := range []string{"no way back", "associate " + key + " --dry-run=client --context c",
		"rewrite --all-resources --evidence rewrite.json --context c",
		"status --require cmk -o yaml --context c > after.yaml"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in the runbook", want)
		}
	}
}
