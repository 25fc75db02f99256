package securityhub

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestDecideRecorded checks an audit that continues an earlier one: what it did not query again is as old as the
// earlier report, so a later audit counts.
func TestDecideRecorded(t *testing.T) {
	shop := Wanted{Finding: finding("shop", "ENC-2", "FAILED")}
	n2a := shop
	n2a.State = Ended
	const expired = "Waived until 2026-11-20 by team-web: no customer data"
	const inForce = "Waived until 2026-11-26 by team-web: no customer data"
	at := func(e Earlier, updated string) []Earlier {
		e.UpdatedAt = updated
		return []Earlier{e}
	}
	const before, between = "2026-11-20T03:00:00.000Z", "2026-11-25T03:00:00.000Z"
	since := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	old := Coverage{Complete: true, Since: since, Resources: map[string]bool{arn + "shop": true},
		Recorded: map[string]bool{arn + "shop": true}, RecordedList: true}
	fresh := Coverage{Complete: true, Since: since, Resources: old.Resources}
	place := had("x", "y", "NEW", "")
	place.ID, place.Resources = "unreachable/111122223333/eu-central-1", []Resource{{Type: "AwsAccount", ID: "a"}}
	for _, test := range []struct {
		name     string
		wanted   Wanted
		earlier  []Earlier
		coverage Coverage
		want     []string
	}{
		{"new", shop, nil, old, []string{"import shop/ENC-2 FAILED 2026-11-23T03:00:00.000Z"}},
		{"no audit since", shop, at(had("shop", "ENC-2", "NEW", ""), before), old,
			[]string{"import shop/ENC-2 FAILED 2026-11-23T03:00:00.000Z"}},
		{"an audit since", shop, at(had("shop", "ENC-2", "NEW", ""), between), old, []string{"newer shop/ENC-2"}},
		{"queried again", shop, at(had("shop", "ENC-2", "NEW", ""), between), fresh,
			[]string{"import shop/ENC-2 FAILED 2026-11-26T03:00:00.000Z"}},
		{"an audit since, and the waiver ended", shop, at(had("shop", "ENC-2", "SUPPRESSED", expired), between), old,
			[]string{"NEW shop/ENC-2", "newer shop/ENC-2"}},
		{"an audit since, and the waiver may be in force", shop, at(had("shop", "ENC-2", "SUPPRESSED", inForce), between),
			old, []string{"newer shop/ENC-2"}},
		{"did not apply, and an audit since", n2a, at(had("shop", "ENC-2", "NEW", ""), between), old,
			[]string{"newer shop/ENC-2"}},
		{"did not apply", n2a, at(had("shop", "ENC-2", "NEW", ""), before), old,
			[]string{"archived shop/ENC-2 2026-11-23T03:00:00.000Z"}},
		{"gone", n2a, at(had("gone", "ENC-2", "NEW", ""), before), old,
			[]string{"archived gone/ENC-2 2026-11-23T03:00:00.000Z"}},
		{"gone, and an audit since", n2a, at(had("gone", "ENC-2", "NEW", ""), between), old, nil},
		{"gone, from an unknown time", n2a, at(had("gone", "ENC-2", "NEW", ""), "2026-11-20T03:00:00"), old, nil},
		{"gone, from another zone", n2a, at(had("gone", "ENC-2", "NEW", ""), "2026-11-20T03:00:00.123+0200"), old,
			[]string{"archived gone/ENC-2 2026-11-23T03:00:00.000Z"}},
		{"a place that did not answer a later audit", n2a, at(place, between), old,
			[]string{"newer unreachable/111122223333/eu-central-1"}},
		{"a place that answers again", n2a, at(place, between), fresh,
			[]string{"archived unreachable/111122223333/eu-central-1 2026-11-26T03:00:00.000Z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := Decide([]Wanted{test.wanted}, test.earlier, test.coverage, now)
			got := describe(p)
			for i, f := range append(p.Import, p.Archive...) {
				got[i] += " " + f.UpdatedAt
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("plan differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoteStays checks that the note of a person is kept through several changes of this program.
func TestNoteStays(t *testing.T) {
	e := had("shop", "ENC-2", "NEW", "")
	e.Note, e.NoteBy = "see SEC-1", "jane"
	w := Wanted{Finding: finding("shop", "ENC-2", "FAILED")}
	for _, until := range []string{"2027-03-31", "", "2027-06-30"} {
		if w.Waiver = nil; until != "" {
			w.Waiver = waiver(until)
		}
		u := Decide([]Wanted{w}, []Earlier{e}, Coverage{}, now).Updates[0]
		if n := strings.Count(u.Note, "Earlier note of jane: see SEC-1"); n != 1 {
			t.Fatalf("note = %q, want the note of jane once", u.Note)
		}
		e.Workflow, e.Note, e.NoteBy, e.UserFields = u.Workflow, u.Note, ToolName, u.UserFields
	}
}
