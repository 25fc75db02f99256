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
