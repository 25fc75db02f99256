package documents

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

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
						"sts:AssumeRole"}, a) && optional
					if strings.Contains(a, "*") || !strings.HasPrefix(a, "eks:") && !strings.HasPrefix(a, "kms:") &&
						!elsewhere {
						t.Errorf("%s: allows %s", purpose, a)
					}
					for _, never := range []string{"Disable", "Delete", "Deletion", "Revoke", "Retire"} {
						if strings.Contains(a, never) {
							t.Errorf("%s: allows %s", purpose, a)
						}
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

func TestRBAC(t *testing.T) {
	for _, o := range []RBACOptions{
		{Name: "n", Kind: "User", Subject: "u: \"x\"\n- y"}, {Name: "n", Kind: "Group", Subject: "g", ReadOnly: true},
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
	for _, o := range []RBACOptions{{Kind: "User"}, {Kind: "ServiceAccount", Subject: "sa"},
		{Kind: "Robot", Subject: "r"}} {
		if _, err := RBAC(o); err == nil {
			t.Errorf("RBAC(%+v) = nil error, want an error", o)
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
