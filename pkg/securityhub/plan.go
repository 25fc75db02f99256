package securityhub

import (
	"maps"
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

// imported reports whether the finding is to be in Security Hub.
func (w *Wanted) imported() bool { return w.State == Current || w.State == Undecided }

// Plan is what to write in one account and region.
type Plan struct {
	// Import are findings to create or update; Archive are earlier ones that ended.
	Import, Archive []Finding
	Updates         []Update
	// Unchanged are the ids of findings that Security Hub has as they are.
	Unchanged []string
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

// Decide compares the findings of an audit with those that Security Hub has. at is the time at which the audit ended.
//
// A finding that is unchanged is imported again only after a while. A waived finding is suppressed. A finding that this
// program suppressed becomes NEW again once its waiver has ended. What a person suppressed or reopened stays so. An
// earlier finding ends if its control no longer applies, or if a place that was listed completely does not have its
// cluster, and no other audit found that cluster since this one began.
func Decide(wanted []Wanted, earlier []Earlier, coverage Coverage, at time.Time) Plan {
	var p Plan
	known := map[string]*Earlier{}
	for i := range earlier {
		known[earlier[i].ID] = &earlier[i]
	}
	stated := map[string]bool{}
	for i := range wanted {
		w := &wanted[i]
		if !stated[w.ID] {
			stated[w.ID] = true
			p.decide(w, known[w.ID], coverage.observed(w, at), at)
		}
	}
	for i := range earlier {
		e := &earlier[i]
		if stated[e.ID] || !coverage.lacks(e) {
			continue
		}
		p.archive(e.Finding, e, coverage.listed(at))
		p.release(e, false, at)
	}
	return p
}

// decide adds what a finding of the audit needs. e is the earlier one, or nil.
func (p *Plan) decide(w *Wanted, e *Earlier, observed, at time.Time) {
	known := w.State == Current
	switch {
	case w.State == Ended && e != nil:
		p.archive(w.Finding, e, observed)
	case w.imported():
		if !p.put(w.Finding, e, observed) { // another result counts
			if w.Waiver == nil {
				p.release(e, false, at)
			}
			return
		}
	}
	if w.Waiver != nil && known {
		p.suppress(w, e)
	} else if e != nil {
		p.release(e, known, at)
	}
}

// put adds a finding that is new or has changed. It returns false if Security Hub has a newer one.
func (p *Plan) put(f Finding, e *Earlier, observed time.Time) bool {
	f.UpdatedAt = Timestamp(observed)
	f.CreatedAt = f.UpdatedAt
	if e != nil {
		f.CreatedAt = e.CreatedAt
		switch {
		case e.same(&f) && !e.before(observed.Add(-renewal)):
			p.Unchanged = append(p.Unchanged, f.ID)
			return true
		case !e.before(observed):
			p.Newer = append(p.Newer, f.ID)
			return false
		}
	}
	p.Import = append(p.Import, f)
	return true
}

// archive adds an earlier finding that ended, with what the audit states about it.
func (p *Plan) archive(f Finding, e *Earlier, observed time.Time) {
	switch {
	case e.RecordState == Archived:
	case !e.before(observed):
		p.Newer = append(p.Newer, e.ID)
	default:
		f.CreatedAt, f.UpdatedAt, f.RecordState = e.CreatedAt, Timestamp(observed), Archived
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
	note := "No waiver is in force. Before: " + e.UserFields[markField] + e.noteOfOthers()
	p.update(e.ID, reopened, Shorten(note, maxNote), released, e.UserFields)
}

func (p *Plan) update(id, workflow, note, mark string, fields map[string]string) {
	fields = maps.Clone(fields)
	if fields == nil {
		fields = map[string]string{}
	}
	fields[markField] = mark
	p.Updates = append(p.Updates, Update{ID: id, Workflow: workflow, Note: note, UserFields: fields})
}
