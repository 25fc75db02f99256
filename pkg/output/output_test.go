package output

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Text from the cloud can neither steer the terminal nor reorder what is read.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ünïcode 世界": "plain text, ünïcode 世界",
		"\x1b[31mred\x1b[0m":     "\uFFFD[31mred\uFFFD[0m",
		"two\nlines\tand\r":      "two lines and ",
		"abc\u202Egnp.exe":       "abc\uFFFDgnp.exe",
		"zero\u200Bwidth\uFEFF":  "zero\uFFFDwidth\uFFFD",
		"bell\a and \u009b8m c1": "bell\uFFFD and \uFFFD8m c1",
		"8-bit \x9b2J":           "8-bit \uFFFD2J",
		"line\u2028separator":    "line\uFFFDseparator",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if strings.ContainsFunc(got, unsafeRune) {
			t.Errorf("Clean(%q) = %q", s, got)
		}
		if Clean(got) != got {
			t.Errorf("cleaning %q twice differs", s)
		}
	})
}

func TestWrap(t *testing.T) {
	got := Wrap("one two three averyveryverylongword four", "  ", 12)
	want := "  one two\n  three\n  averyveryverylongword\n  four"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestProgressElsewhere(t *testing.T) {
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
		t.Error("escape sequences where there is no terminal")
	}
}

func TestColour(t *testing.T) {
	always, err := NewColour(&bytes.Buffer{}, "always")
	if err != nil || always.Bad("no") != "\x1b[31mno\x1b[0m" {
		t.Errorf("always: %q, %v", always.Bad("no"), err)
	}
	auto, err := NewColour(&bytes.Buffer{}, "auto")
	if err != nil || auto.Bad("no") != "no" {
		t.Errorf("a file is painted: %q, %v", auto.Bad("no"), err)
	}
	if _, err := NewColour(&bytes.Buffer{}, "sometimes"); err == nil {
		t.Error("sometimes is a mode")
	}
}

// A hostile value stays in its cell, in every table and text.
func TestHostileValues(t *testing.T) {
	const evil = "x\x1b[2J\nVERDICT: fine\u202E"
	r := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Name: evil, Context: evil, Guard: v1alpha1.GuardMismatch, GuardReason: evil,
		ManagedBy: &v1alpha1.ManagedBy{Tool: v1alpha1.ToolPalette, Evidence: evil}}}
	r.Encryption = v1alpha1.Encryption{Verdict: v1alpha1.VerdictUnknown, Reason: evil}
	r.Health.Issues = []v1alpha1.HealthIssue{{Code: evil, Message: evil}}
	r.Notes = []string{evil}
	c := &v1alpha1.CoverageReport{Statement: evil, Notes: []string{evil}, Resources: []v1alpha1.ResourceCoverage{{
		Resource: evil, Failures: []v1alpha1.Failure{{Namespace: evil, Name: evil, Reason: evil, Message: evil}}}}}
	k := &v1alpha1.KeyList{Items: []v1alpha1.KeyListItem{{ARN: evil, Aliases: []string{evil}, Reasons: []string{evil}}}, Notes: []string{evil}}
	p := &v1alpha1.AssociationPlan{Checks: []v1alpha1.Check{{Name: evil, Result: v1alpha1.ResultFail, Message: evil, Remedy: evil}},
		Drift: v1alpha1.Drift{Consequence: evil, Snippet: "a: " + evil}, Steps: []string{evil}}
	var b bytes.Buffer
	for _, err := range []error{
		EncryptionText(&b, r, Colour{}, true), EncryptionTable(&b, []v1alpha1.EncryptionReport{*r}, true),
		CoverageText(&b, c, Colour{}, true), KeyTable(&b, k, KeyColumns{UsedBy: true, Wide: true}), PlanText(&b, p, Colour{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\u202E") {
		t.Errorf("an escape sequence came through:\n%q", b.String())
	}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "VERDICT") {
			t.Errorf("a value made a line of its own: %q", line)
		}
	}
}
