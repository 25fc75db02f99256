package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// shownRows is the maximum number of rows in a table of an audit, unless wide.
const shownRows = 50

// AuditText writes an audit for people: totals, findings, changes, clusters, keys, and
// what could not be queried. Tables of more than 50 rows are cut unless wide is set.
func AuditText(w io.Writer, r *v1alpha1.AuditReport, c Colour, wide bool) error {
	t := &auditText{textWriter: newTextWriter(w), c: c, wide: wide, accountNames: r.Scope.AccountNames}
	t.totals(r)
	t.standard(r.Standard)
	t.standards = wide || r.Standard != nil
	t.findings("Findings", r.Findings)
	t.findings("Undecided", r.Undecided)
	t.changes(r.Changes)
	t.trend(r.Trend)
	t.clusters(r.Items)
	t.keys(r.Keys)
	t.unreachable(r.Unreachable)
	t.waived(r.Waived)
	t.scanners(r.OtherTools)
	t.notes(r.Notes)
	return t.err
}

// AuditOrigin writes facts of the origin of an audit after an empty line.
func AuditOrigin(w io.Writer, facts ...Fact) error {
	t := newTextWriter(w)
	for i, f := range facts {
		if i == 0 {
			t.line("")
		}
		t.line(t.wrap(f.Name+": "+f.Value, ""))
	}
	return t.err
}

// Fact is a name with a value.
type Fact struct{ Name, Value string }

type auditText struct {
	*textWriter
	c    Colour
	wide bool
	// standards shows the standards of each finding.
	standards    bool
	accountNames map[string]string
}

// account returns the id of an account, in a wide table with its name if that is known.
func (t *auditText) account(id string) string {
	if name := t.accountNames[id]; t.wide && name != "" {
		return id + " (" + name + ")"
	}
	return id
}

func (t *auditText) totals(r *v1alpha1.AuditReport) {
	s := r.Summary
	words, paint := "No findings", t.c.Good
	switch s.Outcome {
	case v1alpha1.OutcomeFinding:
		words, paint = Count(s.Findings, "finding"), t.c.Bad
	case v1alpha1.OutcomeCannotTell:
		words, paint = "Not everything could be checked", t.c.Doubtful
		if s.Findings > 0 {
			words = Count(s.Findings, "known finding") + "; not everything could be checked"
		}
	}
	if s.Outcome == v1alpha1.OutcomeHolds && s.Findings > 0 {
		words = Count(s.Findings, "known finding") + ", no regressions"
	}
	t.line(t.c.Strong(paint(fmt.Sprintf("%s (%s)", words, s.Outcome))))
	verdicts := []string{}
	for _, v := range []v1alpha1.Verdict{v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey,
		v1alpha1.VerdictNotEncrypted, v1alpha1.VerdictNotApplicable, v1alpha1.VerdictUnknown} {
		if n := s.ByVerdict[v]; n > 0 {
			verdicts = append(verdicts, fmt.Sprintf("%d %s", n, v))
		}
	}
	line := Count(s.Clusters, "cluster")
	if len(verdicts) > 0 {
		line += ": " + strings.Join(verdicts, ", ")
	}
	if s.NotEKS > 0 {
		line += "; " + Count(s.NotEKS, "context") + " of something else than EKS"
	}
	t.line(line)
	dark, waived := 0, ""
	for _, u := range r.Unreachable {
		if u.Waiver == nil {
			dark++
		}
	}
	if n := len(r.Unreachable) - dark; n > 0 {
		waived = fmt.Sprintf(", and %d more waived", n)
	}
	t.line(fmt.Sprintf("Controls %s: %s, %d undecided, %d waived; %s unreachable%s",
		strings.Join(r.Scope.Controls, ", "), Count(s.Findings, "finding"), s.Undecided, s.Waived,
		Count(dark, "region or account"), waived))
}

// Count returns n with the noun, in the plural unless n is 1.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, strings.ReplaceAll(noun, " or ", "s or "))
}

// table prints a titled table, or nothing if it has no rows.
func (t *auditText) table(title string, table *Table) {
	total := len(table.rows) - 1
	if total == 0 {
		return
	}
	t.line("")
	t.line(t.c.Strong(fmt.Sprintf("%s (%d)", title, total)))
	if total > shownRows && !t.wide {
		table.rows = table.rows[:shownRows+1]
	}
	t.do(table.Print)
	if left := total - shownRows; left > 0 && !t.wide {
		t.line(fmt.Sprintf("and %d more; show all with -o wide", left))
	}
}

func (t *auditText) findings(title string, findings []v1alpha1.Finding) {
	headers := []string{"SEVERITY", "CONTROL", "CLUSTER", "REGION", "ACCOUNT", "REASON"}
	if t.standards {
		headers = append(headers, "STANDARDS")
	}
	if t.wide {
		headers = append(headers, "REMEDY")
	}
	table := NewTable(headers...)
	for i := range findings {
		f := &findings[i]
		reason := f.Reason
		if f.ExpiredWaiver != nil {
			reason += fmt.Sprintf(" (the waiver of %s has expired)", f.ExpiredWaiver.Owner)
		}
		row := []string{string(f.Severity), f.Control, cmp.Or(f.Name, f.Cluster), f.Region, t.account(f.Account), reason}
		if t.standards {
			row = append(row, strings.Join(f.Standards, "; "))
		}
		if t.wide {
			row = append(row, f.Remedy)
		}
		table.Row(row...)
	}
	t.table(title, table)
}

func (t *auditText) unreachable(list []v1alpha1.Unreachable) {
	headers := []string{"ACCOUNT", "REGION", "CONTEXT", "REASON"}
	waived := slices.ContainsFunc(list, func(u v1alpha1.Unreachable) bool { return u.Waiver != nil })
	if waived {
		headers = slices.Insert(headers, 3, "WAIVED")
	}
	table := NewTable(headers...)
	for _, u := range list {
		region := u.Region
		if region == "" && u.Context == "" {
			region = "(all)"
		}
		row := []string{t.account(u.Account), region, u.Context, u.Reason}
		if waived {
			until := ""
			if u.Waiver != nil {
				until = waivedUntil(u.Waiver)
			}
			row = slices.Insert(row, 3, until)
		}
		table.Row(row...)
	}
	t.table("Unreachable", table)
}

func (t *auditText) waived(waived []v1alpha1.Waived) {
	table := NewTable("SEVERITY", "CONTROL", "CLUSTER", "UNTIL", "OWNER", "REASON", "FINDING")
	for _, w := range waived {
		table.Row(string(w.Severity), w.Control, w.Cluster, waiverEnd(&w), w.Owner, w.Reason, w.Finding)
	}
	t.table("Waived", table)
}

func waiverEnd(w *v1alpha1.Waived) string {
	if w.Expires == nil {
		return ""
	}
	return w.Expires.UTC().Format("2006-01-02")
}

// waivedUntil returns the owner of a waiver and its last day.
func waivedUntil(w *v1alpha1.Waived) string {
	if end := waiverEnd(w); end != "" {
		return w.Owner + ", until " + end
	}
	return w.Owner
}

// textWidth is the maximum width of wrapped sentences, in columns.
const textWidth = 100
