package securityhub

import (
	"maps"
	"slices"
	"time"
)

// State is what an audit states about a finding.
type State int

// The states.
const (
	Current   State = iota // the result is known, and imported
	Undecided              // the audit enforces the control, and its result is unknown; imported
	Unchecked              // the audit does not enforce the control, and its result is unknown; the earlier finding stays
	Ended                  // the control does not apply any more
)

// Wanted is a finding of the audit.
type Wanted struct {
	Finding
	State State
	// Waiver is the waiver in force; nil if there is none.
	Waiver *Waiver
}

// Earlier is a finding that Security Hub has.
type Earlier struct {
	Finding
	// Workflow is NEW, NOTIFIED, RESOLVED or SUPPRESSED.
	Workflow string
	// UserFields are the fields of the customer; this program keeps its mark among them.
	UserFields map[string]string
	// Note is the text of the customer's note, and NoteBy its author.
	Note, NoteBy string
}

// Coverage states which earlier findings an audit can judge.
type Coverage struct {
	// Complete is true if EKS listed all clusters of the account and region.
	Complete bool
	// Since is when the audit began. If another audit imported a finding after that, the cluster may exist.
	Since time.Time
	// Resources are the ARNs of the clusters of the audit, FilteredOut of those that its filter left out.
	Resources, FilteredOut map[string]bool
}

// Plan is what to write in one account and region.
type Plan struct {
	// Import are findings to create or update; Archive are earlier ones that ended.
	Import, Archive []Finding
	Updates         []Update
	// Newer are the ids of findings that are left, because the version of Security Hub is as new or newer.
	Newer []string
}

// Update is a change of the workflow of one finding.
type Update struct {
	ID       string
	Workflow string // SUPPRESSED or NEW
	Note     string
	// UserFields are all user-defined fields, also those of others, because the call replaces them.
	UserFields map[string]string
}

// Decide compares the findings of an audit with those that Security Hub has. at is the time of the import.
//
// A waived finding is suppressed. A finding that this program suppressed becomes NEW again once its waiver has ended.
// What a person suppressed or reopened stays so. An earlier finding ends if its control no longer applies, or if a
// place that was listed completely does not have its cluster, and no other audit found that cluster since this one
// began.
func Decide(wanted []Wanted, earlier []Earlier, coverage Coverage, at time.Time) Plan {
	var p Plan
	known := map[string]*Earlier{}
	for i := range earlier {
		known[earlier[i].ID] = &earlier[i]
	}
	stated := map[string]bool{}
	for i := range wanted {
		w := &wanted[i]
		stated[w.ID] = true
		p.decide(w, known[w.ID], at)
	}
	for i := range earlier {
		e := &earlier[i]
		if stated[e.ID] || !coverage.lacks(e) {
			continue
		}
		p.archive(e.Finding, e, at)
		p.release(e, false, at)
	}
	return p
}

// lacks reports whether the cluster of an earlier finding certainly no longer exists.
func (c *Coverage) lacks(e *Earlier) bool {
	resource := e.resource()
	return c.Complete && !c.Resources[resource] && !c.FilteredOut[resource] && (resource == "" || e.before(c.Since))
}

// decide adds what a finding of the audit needs. e is the earlier one, or nil.
func (p *Plan) decide(w *Wanted, e *Earlier, at time.Time) {
	switch {
	case w.State == Ended && e != nil:
		p.archive(w.Finding, e, at)
	case w.State == Current, w.State == Undecided:
		f := w.Finding
		f.UpdatedAt = Timestamp(at)
		if e != nil {
			f.CreatedAt = e.CreatedAt
			if !e.before(at) {
				p.Newer = append(p.Newer, f.ID)
				return
			}
		}
		p.Import = append(p.Import, f)
	}
	if w.Waiver != nil && w.State == Current {
		p.suppress(w, e)
	} else if e != nil {
		p.release(e, w.State == Current, at)
	}
}

// archive adds an earlier finding that ended, with what the audit states about it.
func (p *Plan) archive(f Finding, e *Earlier, at time.Time) {
	switch {
	case e.RecordState == Archived:
	case !e.before(at):
		p.Newer = append(p.Newer, e.ID)
	default:
		f.CreatedAt, f.UpdatedAt, f.RecordState = e.CreatedAt, Timestamp(at), Archived
		p.Archive = append(p.Archive, f)
	}
}

// suppress adds the update of a waived finding, unless a person suppressed it, or reopened it under the same waiver.
func (p *Plan) suppress(w *Wanted, e *Earlier) {
	mark := w.Waiver.mark()
	var fields map[string]string
	previous := ""
	if e != nil {
		if e.UserFields[markField] == mark || e.Workflow == suppressed && !e.suppressedByUs() {
			return
		}
		fields, previous = e.UserFields, e.noteOfOthers()
	}
	p.update(w.ID, suppressed, Shorten(mark+". Suppressed by "+ToolName+" until the waiver ends."+previous, maxNote),
		mark, fields)
}

// release adds the update of a finding that this program suppressed, if its waiver has ended. Where the result of the
// control is not known, only the date of the waiver counts.
func (p *Plan) release(e *Earlier, resultKnown bool, at time.Time) {
	if !e.suppressedByUs() || !resultKnown && at.Before(waivedUntil(e.UserFields[markField])) {
		return
	}
	p.update(e.ID, reopened, Shorten("No waiver is in force. Before: "+e.UserFields[markField]+e.noteOfOthers(), maxNote),
		released, e.UserFields)
}

func (p *Plan) update(id, workflow, note, mark string, fields map[string]string) {
	fields = maps.Clone(fields)
	if fields == nil {
		fields = map[string]string{}
	}
	fields[markField] = mark
	p.Updates = append(p.Updates, Update{ID: id, Workflow: workflow, Note: note, UserFields: fields})
}

// before reports whether Security Hub accepts an update at this time: it ignores one that is not newer.
func (e *Earlier) before(at time.Time) bool {
	updated, err := time.Parse(time.RFC3339, e.UpdatedAt)
	return err != nil || updated.Before(at.Truncate(time.Millisecond))
}

func (e *Earlier) resource() string {
	if i := slices.IndexFunc(e.Resources, func(r Resource) bool { return r.Type == "AwsEksCluster" }); i >= 0 {
		return e.Resources[i].ID
	}
	return ""
}

// noteOfOthers returns the note that a person wrote, so that an update keeps it.
func (e *Earlier) noteOfOthers() string {
	if e.Note == "" || e.NoteBy == ToolName {
		return ""
	}
	return " Earlier note of " + e.NoteBy + ": " + e.Note
}
