package securityhub

import (
	"encoding/json"
	"strings"
	"time"
)

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

// renewal is the time after which a finding that has not changed is imported again. Security Hub deletes a finding that
// was not updated for 90 days.
const renewal = 7 * 24 * time.Hour

// updated returns the time of the last import. ok is false if it is not a time.
func (e *Earlier) updated() (at time.Time, ok bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700"} { // Go accepts fractions of seconds, too
		if at, err := time.Parse(layout, e.UpdatedAt); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// before reports whether Security Hub accepts an update at this time: it ignores one that is not newer.
func (e *Earlier) before(at time.Time) bool {
	updated, ok := e.updated()
	return !ok || updated.Before(at.Truncate(time.Millisecond))
}

// certainlyBefore is before, but false if the time of the last import is not known.
func (e *Earlier) certainlyBefore(at time.Time) bool {
	_, ok := e.updated()
	return ok && e.before(at)
}

// same reports whether the finding states the same as f. The times and the origin may differ in every audit.
func (e *Earlier) same(f *Finding) bool { return e.statement() == f.statement() }

// statement returns the finding as text, without its times and its origin.
func (f *Finding) statement() string {
	s := *f
	s.CreatedAt, s.UpdatedAt, s.ProductFields = "", "", map[string]string{}
	for key, value := range f.ProductFields {
		if !isOrigin(key) {
			s.ProductFields[key] = value
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // it has only strings
	}
	return string(text)
}

// noteOf begins the note that a person wrote, in a note of this program.
const noteOf = " Earlier note of "

// noteOfOthers returns the note that a person wrote, so that an update keeps it.
func (e *Earlier) noteOfOthers() string {
	switch {
	case e.Note == "":
		return ""
	case e.NoteBy == ToolName:
		_, note, found := strings.Cut(e.Note, noteOf)
		if !found {
			return ""
		}
		return noteOf + note
	}
	return noteOf + e.NoteBy + ": " + e.Note
}
