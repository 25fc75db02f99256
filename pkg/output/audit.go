package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// shownRows is the maximum number of rows in a table of an audit, unless wide.
const shownRows = 50

// AuditText writes an audit for people: totals, findings, changes, clusters, keys, and
// what could not be queried. Tables of more than 50 rows are cut unless wide is set.
func AuditText(w io.Writer, r *v1alpha1.AuditReport, c Colour, wide bool) error {
	t := &auditText{textWriter: newTextWriter(w), c: c, wide: wide}
	t.totals(r)
	t.findings("Findings", r.Findings)
	t.findings("Undecided", r.Undecided)
	t.changes(r.Changes)
	t.clusters(r.Items)
	t.keys(r.Keys)
	t.unreachable(r.Unreachable)
	t.waived(r.Waived)
	t.scanners(r.OtherTools)
	t.notes(r.Notes)
	return t.err
}

type auditText struct {
	*textWriter
	c    Colour
	wide bool
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
	t.line(line)
	t.line(fmt.Sprintf("Controls %s: %s, %d undecided, %d waived; %s unreachable",
		strings.Join(r.Scope.Controls, ", "), Count(s.Findings, "finding"), s.Undecided, s.Waived,
		Count(len(r.Unreachable), "region or account")))
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
		row := []string{string(f.Severity), f.Control, cmp.Or(f.Name, f.Cluster), f.Region, f.Account, reason}
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
		row := []string{cmp.Or(r.Cluster.Name, r.Cluster.Context), r.Cluster.Region, r.Cluster.Account,
			cmp.Or(r.Cluster.KubernetesVersion, Unknown),
			verdictCell(r), string(r.Encryption.Scope), key, usable}
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
		table.Row(k.ARN, k.State, string(k.Usable), left, encryption.RotationText(k.Rotation), strconv.Itoa(len(k.Clusters)),
			names)
	}
	t.table("Keys, most urgent first", table)
}

func (t *auditText) unreachable(list []v1alpha1.Unreachable) {
	table := NewTable("ACCOUNT", "REGION", "CONTEXT", "REASON")
	for _, u := range list {
		region := u.Region
		if region == "" && u.Context == "" {
			region = "(all)"
		}
		table.Row(u.Account, region, u.Context, u.Reason)
	}
	t.table("Unreachable", table)
}

func (t *auditText) waived(waived []v1alpha1.Waived) {
	table := NewTable("CONTROL", "CLUSTER", "UNTIL", "OWNER", "REASON")
	for _, w := range waived {
		until := ""
		if w.Expires != nil {
			until = w.Expires.UTC().Format("2006-01-02")
		}
		table.Row(w.Control, w.Cluster, until, w.Owner, w.Reason)
	}
	t.table("Waived", table)
}

func (t *auditText) changes(c *v1alpha1.AuditChanges) {
	if c == nil {
		return
	}
	table := NewTable("CHANGE", "CLUSTER", "WHAT", "WAS", "IS", "REASON")
	for _, list := range []struct {
		name    string
		changes []v1alpha1.Change
	}{{"worse", c.Regressions}, {"fixed", c.Fixed}, {"other", c.Other}} {
		for _, change := range list.changes {
			table.Row(list.name, change.Cluster, change.What, change.Was, change.Is, change.Reason)
		}
	}
	for _, list := range []struct {
		name     string
		clusters []string
	}{{"new", c.New}, {"gone", c.Gone}, {"lost sight", c.LostSight}} {
		for _, cluster := range list.clusters {
			table.Row(list.name, cluster, "", "", "", "")
		}
	}
	title := "Changes"
	if c.Since != nil {
		title += " since " + c.Since.UTC().Format("2006-01-02 15:04 UTC")
	}
	if len(table.rows) == 1 {
		t.line("")
		t.line(title + ": none")
	}
	t.table(title, table)
	for _, note := range c.Notes {
		t.line("Note: " + sanitize.Line(note))
	}
}

// scanners names the scanners whose result is wrong for a group of clusters; wide lists
// the results of all scanners.
func (t *auditText) scanners(groups []v1alpha1.OtherTools) {
	table := NewTable("CLUSTERS", "TOOL", "CHECK", "RESULT", "CORRECT", "WHY")
	for _, g := range groups {
		var wrong []string
		for _, o := range g.Says {
			if !o.Agrees {
				wrong = append(wrong, o.Tool)
			}
			table.Row(strconv.Itoa(len(g.Clusters))+" "+g.State, o.Tool, o.Check, o.Says, yesNo(o.Agrees), o.Why)
		}
		if !t.wide && len(wrong) > 1 { // one of them is wrong for every cluster
			t.line("")
			t.line(Wrap(fmt.Sprintf("Other scanners differ for %s (%s): %s report another result, or none. "+
				"Details: -o wide.", Count(len(g.Clusters), "cluster"), g.State, strings.Join(wrong, ", ")),
				"", textWidth))
		}
	}
	if t.wide {
		t.table("Results of other scanners", table)
	}
}

// textWidth is the maximum width of wrapped sentences, in columns.
const textWidth = 100
