package output

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// shownRows is how many rows of a table of an audit are shown; wide shows all.
const shownRows = 50

// AuditText writes an audit for people: the totals first, then what was found, then
// the clusters, the keys they hang on, and what could not be asked.
func AuditText(w io.Writer, r *v1alpha1.AuditReport, c Colour, wide bool) error {
	t := &auditText{errWriter: &errWriter{w: w}, c: c, wide: wide}
	t.totals(r)
	t.findings("Findings", r.Findings)
	t.findings("Could not be told", r.Undecided)
	t.changes(r.Changes)
	t.clusters(r.Items)
	t.keys(r.Keys)
	t.unreachable(r.Unreachable)
	t.waived(r.Waived)
	t.others(r.OtherTools)
	for i, note := range r.Notes {
		if i == 0 {
			t.line("")
		}
		t.line("Note: " + Clean(note))
	}
	return t.err
}

type auditText struct {
	*errWriter
	c    Colour
	wide bool
}

func (t *auditText) totals(r *v1alpha1.AuditReport) {
	s := r.Summary
	words, paint := "Nothing was found", t.c.Good
	switch s.Outcome {
	case v1alpha1.OutcomeFinding:
		words, paint = Count(s.Findings, "finding"), t.c.Bad
	case v1alpha1.OutcomeCannotTell:
		words, paint = "It can't be told", t.c.Doubtful
		if s.Findings > 0 {
			words = Count(s.Findings, "known finding") + ", and not all can be told"
		}
	}
	if s.Outcome == v1alpha1.OutcomeHolds && s.Findings > 0 {
		words = Count(s.Findings, "known finding") + ", and nothing got worse"
	}
	t.line(t.c.Strong(paint(fmt.Sprintf("%s (%s)", words, s.Outcome))))
	verdicts := []string{}
	for _, v := range []v1alpha1.Verdict{v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey, v1alpha1.VerdictNotEncrypted, v1alpha1.VerdictNotApplicable, v1alpha1.VerdictUnknown} {
		if n := s.ByVerdict[v]; n > 0 {
			verdicts = append(verdicts, fmt.Sprintf("%d %s", n, v))
		}
	}
	line := Count(s.Clusters, "cluster")
	if len(verdicts) > 0 {
		line += ": " + strings.Join(verdicts, ", ")
	}
	t.line(line)
	t.line(fmt.Sprintf("Decided by %s: %s, %d that can't be told, %d waived; %s that could not be asked",
		strings.Join(r.Scope.Controls, ", "), Count(s.Findings, "finding"), s.Undecided, s.Waived, Count(len(r.Unreachable), "region or account")))
}

// Count says how many there are, in the plural where there is not one.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, strings.ReplaceAll(what, " or ", "s or "))
}

// table prints a titled table, cut short unless wide.
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
		t.line(fmt.Sprintf("and %d more: -o wide", left))
	}
}

func (t *auditText) findings(title string, findings []v1alpha1.Finding) {
	headers := []string{"SEVERITY", "CONTROL", "CLUSTER", "REGION", "ACCOUNT", "REASON"}
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
		row := []string{string(f.Severity), f.Control, orElse(f.Name, f.Cluster), f.Region, f.Account, reason}
		if t.wide {
			row = append(row, f.Remedy)
		}
		table.Row(row...)
	}
	t.table(title, table)
}

func (t *auditText) clusters(items []v1alpha1.EncryptionReport) {
	headers := []string{"CLUSTER", "REGION", "ACCOUNT", "VERSION", "VERDICT", "SCOPE", "KEY", "USABLE"}
	var controls []string
	if t.wide {
		headers = append(headers, "CONTEXT", "GUARD", "MANAGED-BY")
		for i := range items {
			for _, c := range items[i].Controls {
				if !slices.Contains(controls, c.ID) {
					controls = append(controls, c.ID)
				}
			}
		}
		headers = append(append(headers, controls...), "REASON")
	}
	table := NewTable(headers...)
	for i := range items {
		r := &items[i]
		key, usable := shortKey(r, t.wide), ""
		if r.Key != nil {
			usable = string(r.Key.Usable)
		}
		row := []string{orElse(r.Cluster.Name, r.Cluster.Context), r.Cluster.Region, r.Cluster.Account, orUnknown(r.Cluster.KubernetesVersion),
			string(r.Encryption.Verdict), string(r.Encryption.Scope), key, usable}
		if t.wide {
			tool := ""
			if r.Cluster.ManagedBy != nil {
				tool = string(r.Cluster.ManagedBy.Tool)
			}
			row = append(row, r.Cluster.Context, string(r.Cluster.Guard), tool)
			for _, id := range controls {
				row = append(row, resultOf(r, id))
			}
			row = append(row, r.Encryption.Reason)
		}
		table.Row(row...)
	}
	t.table("Clusters", table)
}

func shortKey(r *v1alpha1.EncryptionReport, wide bool) string {
	key := r.Encryption.KeyARN
	switch {
	case wide:
		return key
	case r.Key != nil && len(r.Key.Aliases) > 0:
		return r.Key.Aliases[0]
	}
	return key[strings.LastIndexByte(key, ':')+1:]
}

func resultOf(r *v1alpha1.EncryptionReport, id string) string {
	for _, c := range r.Controls {
		if c.ID == id {
			return string(c.Result)
		}
	}
	return ""
}

func (t *auditText) keys(keys []v1alpha1.AuditKey) {
	table := NewTable("KEY", "STATE", "USABLE", "DAYS-LEFT", "ROTATION", "CLUSTERS", "NAMES")
	for i := range keys {
		k := &keys[i]
		left := ""
		if k.DaysLeft != nil {
			left = strconv.Itoa(*k.DaysLeft)
		}
		names := clusterNames(k.Clusters)
		if t.wide {
			names = strings.Join(k.Clusters, ",")
		}
		table.Row(k.ARN, k.State, string(k.Usable), left, Rotation(k.Rotation), strconv.Itoa(len(k.Clusters)), names)
	}
	t.table("Keys, the most urgent first", table)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
