package output

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestProgressWithoutTerminal(t *testing.T) {
	var b bytes.Buffer
	p := NewProgress(&b)
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for i := range 100 { // ten seconds
		p.Show(strings.Repeat("x", i))
		now = now.Add(100 * time.Millisecond)
	}
	p.End()
	if n := strings.Count(b.String(), "\n"); n != 2 {
		t.Errorf("%d lines in ten seconds, want 2", n)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("output = %q, want no escape sequences", b.String())
	}
}

func TestColour(t *testing.T) {
	always, err := NewColour(&bytes.Buffer{}, "always")
	if err != nil || always.Bad("no") != "\x1b[31mno\x1b[0m" {
		t.Errorf("always: Bad = %q, %v, want red text", always.Bad("no"), err)
	}
	auto, err := NewColour(&bytes.Buffer{}, "auto")
	if err != nil || auto.Bad("no") != "no" {
		t.Errorf("auto without terminal: Bad = %q, %v, want plain text", auto.Bad("no"), err)
	}
	if _, err := NewColour(&bytes.Buffer{}, "sometimes"); err == nil {
		t.Error("NewColour(sometimes) = nil error, want an error")
	}
}

// TestHostileValues checks that every table and text keeps a hostile value inside its cell.
func TestHostileValues(t *testing.T) {
	const evil = "x\x1b[2J\nVERDICT: fine\u202E"
	r := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Name: evil, Context: evil,
		Guard: v1alpha1.GuardMismatch, GuardReason: evil,
		ManagedBy: &v1alpha1.ManagedBy{Tool: v1alpha1.ToolPalette, Evidence: evil}}}
	r.Encryption = v1alpha1.Encryption{Verdict: v1alpha1.VerdictUnknown, Reason: evil}
	r.Health.Issues = []v1alpha1.HealthIssue{{Code: evil, Message: evil}}
	r.Notes = []string{evil}
	c := &v1alpha1.CoverageReport{Statement: evil, Notes: []string{evil}, Resources: []v1alpha1.ResourceCoverage{{
		Resource: evil, Failures: []v1alpha1.Failure{{Namespace: evil, Name: evil, Reason: evil, Message: evil}}}}}
	k := &v1alpha1.KeyList{Notes: []string{evil}, Items: []v1alpha1.KeyListItem{{
		ARN: evil, Aliases: []string{evil}, Reasons: []string{evil}}}}
	p := &v1alpha1.AssociationPlan{
		Checks: []v1alpha1.Check{{Name: evil, Result: v1alpha1.ResultFail, Message: evil, Remedy: evil}},
		Drift:  v1alpha1.Drift{Consequence: evil, Snippet: "a: " + evil}, Steps: []string{evil}}
	a := &v1alpha1.AuditReport{Items: []v1alpha1.EncryptionReport{*r}, Notes: []string{evil},
		Findings: []v1alpha1.Finding{{Cluster: evil, Name: evil, Control: evil, Reason: evil, Remedy: evil,
			ExpiredWaiver: &v1alpha1.Waived{Owner: evil}}},
		Keys:        []v1alpha1.AuditKey{{ARN: evil, State: evil, Clusters: []string{evil}}},
		Unreachable: []v1alpha1.Unreachable{{Account: evil, Region: evil, Context: evil, Reason: evil}},
		Waived:      []v1alpha1.Waived{{Cluster: evil, Control: evil, Reason: evil, Owner: evil}},
		OtherTools: []v1alpha1.OtherTools{{State: evil, Clusters: []string{evil},
			Says: []v1alpha1.OtherTool{{Tool: evil, Check: evil, Says: evil, Why: evil}}}},
		Changes: &v1alpha1.AuditChanges{New: []string{evil}, Notes: []string{evil},
			Regressions: []v1alpha1.Change{{Cluster: evil, What: evil, Was: evil, Is: evil, Reason: evil}}}}
	a.Scope.Controls = []string{"ENC-1"}
	var b bytes.Buffer
	for _, err := range []error{
		AuditText(&b, a, Colour{}, true), AuditText(&b, a, Colour{}, false),
		EncryptionText(&b, r, Colour{}, true), EncryptionTable(&b, []v1alpha1.EncryptionReport{*r}, true),
		CoverageText(&b, c, Colour{}, true), KeyTable(&b, k, KeyColumns{UsedBy: true, Wide: true}),
		PlanText(&b, p, Colour{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\u202E") {
		t.Errorf("output contains an unsafe character, want none:\n%q", b.String())
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "VERDICT") {
			t.Errorf("line = %q, want no line that starts with a value", line)
		}
	}
}

// The text starts with the totals. Long tables are cut, except in wide.
func TestAuditText(t *testing.T) {
	r := &v1alpha1.AuditReport{Scope: v1alpha1.AuditScope{Controls: []string{"ENC-1"}}, Summary: v1alpha1.AuditSummary{
		Clusters: 60, ByVerdict: map[v1alpha1.Verdict]int{v1alpha1.VerdictNotEncrypted: 60},
		Findings: 60, Outcome: v1alpha1.OutcomeFinding}}
	for i := range 60 {
		name := fmt.Sprintf("c%02d", i)
		r.Items = append(r.Items, v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Name: name}})
		r.Findings = append(r.Findings, v1alpha1.Finding{Name: name, Control: "ENC-1"})
	}
	for wide, rows := range map[bool]int{false: 2 * shownRows, true: 120} {
		var b bytes.Buffer
		if err := AuditText(&b, r, Colour{}, wide); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if !strings.HasPrefix(text, "60 findings (Finding)\n60 clusters: 60 NotEncrypted\n") {
			t.Errorf("text starts with %q, want the totals", text[:80])
		}
		n := 0
		for i := range r.Items {
			n += strings.Count(text, r.Items[i].Cluster.Name)
		}
		if n != rows {
			t.Errorf("wide %v: %d rows, want %d", wide, n, rows)
		}
		if strings.Contains(text, "and 10 more") == wide {
			t.Errorf("wide %v:\n%s", wide, text)
		}
	}
	for _, test := range []struct {
		summary v1alpha1.AuditSummary
		want    string
	}{
		{v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeHolds}, "No findings (Holds)"},
		{v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeHolds, Findings: 1}, "1 known finding, no regressions (Holds)"},
		{v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeCannotTell}, "Not everything could be checked (CannotTell)"},
		{v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeCannotTell, Findings: 2},
			"2 known findings; not everything could be checked (CannotTell)"},
	} {
		var b bytes.Buffer
		err := AuditText(&b, &v1alpha1.AuditReport{Summary: test.summary}, Colour{}, false)
		if first, _, _ := strings.Cut(b.String(), "\n"); err != nil || first != test.want {
			t.Errorf("first line = %q, %v, want %q", first, err, test.want)
		}
	}
}
