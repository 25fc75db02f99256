package report

import (
	"cmp"
	"slices"
)

// section is one section of the page, with its entry in the navigation. N is the number of its rows. A negative N is
// not shown.
type section struct {
	ID, Nav, Title string
	N              int
}

// Sections returns the sections to show. Empty ones are left out, except for findings and undecided controls: that
// there are none is a result.
func (v *reportRows) Sections() []section {
	all := []section{
		{"totals", "Totals", "Totals", -1},
		{"trend", "Trend", "Trend", -len(v.TrendRows())},
		{"standard", "Standard", v.standardTitle(), v.requirements()},
		{"findings", "Findings", "Findings", len(v.rows(stateFinding))},
		{"undecided", "Undecided", "Undecided", len(v.rows(stateUndecided))},
		{"unreachable", "Unreachable", "Unreachable", len(v.Unreachable)},
		{"changes", "Changes", v.ChangesTitle(), v.changesCount()},
		{"accounts", "Accounts", "Accounts", len(v.Accounts())},
		{"matrix", "Clusters", "Clusters by control", len(v.Clusters)},
		{"keys", "Keys", "Keys by blast radius", len(v.Keys)},
		{"waived", "Waived", "Waived", len(v.Waived)},
		{"coverage", "Data", "Coverage of existing data", len(v.Coverage)},
		{"other-tools", "Other tools", "Why other tools differ", len(v.OtherTools)},
		{"notes", "Notes", "Notes", len(v.Notes)},
	}
	var shown []section
	for _, s := range all {
		if s.N != 0 || s.ID == "findings" || s.ID == "undecided" {
			shown = append(shown, s)
		}
	}
	return shown
}

func (v *reportRows) standardTitle() string {
	if v.Standard == nil {
		return ""
	}
	return v.Standard.Title
}

func (v *reportRows) requirements() int {
	if v.Standard == nil {
		return 0
	}
	return len(v.Standard.Requirements)
}

// changesCount is -1 if the report was compared with an earlier one and nothing has changed.
func (v *reportRows) changesCount() int {
	if v.Changes == nil {
		return 0
	}
	return cmp.Or(len(v.ChangeRows()), -1)
}

// figure is one of the numbers at the top of the page.
type figure struct {
	Name, Class string
	N           int
}

// Figures returns the numbers at the top of the page.
func (v *reportRows) Figures() []figure {
	figures := []figure{
		{"Clusters", "", len(v.Clusters)},
		{"Findings", "bad", len(v.rows(stateFinding))},
		{"Undecided", "doubt", len(v.rows(stateUndecided))},
		{"Unreachable", "doubt", len(v.Unreachable)},
		{"Waived", "", len(v.Waived)},
		{"Keys", "", len(v.Keys)},
	}
	for i := range figures {
		if figures[i].N == 0 {
			figures[i].Class = "zero"
		}
	}
	return figures
}

// findingsTable is a table of findings or of undecided controls. Otherwise is shown if it has no rows.
type findingsTable struct {
	Rows               []row
	Caption, Otherwise string
}

// FindingsTable returns the findings.
func (v *reportRows) FindingsTable() findingsTable {
	return findingsTable{v.listed(stateFinding), "Failed controls, most severe first",
		"No enforced control failed without a waiver."}
}

// UndecidedTable returns the controls without a result.
func (v *reportRows) UndecidedTable() findingsTable {
	return findingsTable{v.listed(stateUndecided), "Enforced controls whose result could not be determined",
		"Every enforced control has a result."}
}

// WaivedRows returns the waived findings.
func (v *reportRows) WaivedRows() []row { return v.listed(stateWaived) }

// HasUnenforced reports whether the table of clusters has a control that failed or has no result, and that this audit
// does not enforce.
func (v *reportRows) HasUnenforced() bool {
	return slices.ContainsFunc(v.rows(stateInfo, stateNotAnswered), func(r row) bool {
		return slices.Contains(v.ShownControls, r.Control.ID)
	})
}

// Facts returns the details of a cluster.
func (c *cluster) Facts() []fact {
	var facts []fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, value, 1})
		}
	}
	cl, key := &c.Item.Cluster, c.Item.Key
	add("Verdict", withReason(string(c.Item.Encryption.Verdict), c.Item.Encryption.Reason))
	add("Scope", string(c.Item.Encryption.Scope))
	add("Key", c.Item.Encryption.KeyARN)
	if key != nil {
		add("Key state", key.State)
		add("Key usable", withReason(string(key.Usable), key.Reason))
	}
	add("ARN", cl.ARN)
	add("Context", cl.Context)
	add("Status", cl.Status)
	add("Platform", cl.PlatformVersion)
	if cl.ManagedBy != nil {
		add("Managed by", withReason(string(cl.ManagedBy.Tool), cl.ManagedBy.Evidence))
	}
	for _, issue := range c.Item.Health.Issues {
		add("Health issue", withReason(issue.Code, issue.Message))
	}
	for _, r := range c.Rows {
		add(r.Control.ID+": "+r.State.Short(), r.Reason)
	}
	for _, note := range c.Item.Notes {
		add("Note", note)
	}
	return facts
}
