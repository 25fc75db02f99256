package securityhub

import (
	"fmt"
	"strings"
	"time"
)

// Waiver is a finding that its owner accepts until a date.
type Waiver struct {
	Owner, Reason string
	// Expires is the last second at which the waiver is valid.
	Expires time.Time
}

// The workflow states that this program sets.
const (
	suppressed = "SUPPRESSED"
	reopened   = "NEW"
)

// The mark is the evidence that this program suppressed a finding: a person who suppresses it leaves none. It is a
// field of its own, because a person may replace the note.
const (
	markField = ToolName + "/Suppression"
	released  = "released"
)

// The limits of Security Hub, in characters.
const (
	maxNote = 512
	maxMark = 1024
)

func (w *Waiver) mark() string {
	until := w.Expires.UTC().Format(time.DateOnly)
	return Shorten(fmt.Sprintf("Waived until %s by %s: %s", until, w.Owner, w.Reason), maxMark)
}

// suppressedByUs reports whether this program suppressed the finding.
func (e *Earlier) suppressedByUs() bool {
	mark := e.UserFields[markField]
	return e.Workflow == suppressed && mark != "" && mark != released
}

// waivedUntil returns the end of the waiver that a mark names. A changed mark may name none: its waiver has ended.
func waivedUntil(mark string) time.Time {
	text, isMark := strings.CutPrefix(mark, "Waived until ")
	date, _, hasOwner := strings.Cut(text, " by ")
	day, err := time.Parse(time.DateOnly, date)
	if !isMark || !hasOwner || err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}
