package securityhub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)

const (
	yesterday = "2026-11-25T03:00:00.000Z"
	arn       = "arn:aws:eks:eu-central-1:111122223333:cluster/"
)

func finding(cluster, control, status string) Finding {
	const audited = "2026-11-26T02:59:00.000Z"
	return Finding{ID: arn + cluster + "/" + control, UpdatedAt: audited, CreatedAt: audited, RecordState: Active,
		Compliance: Compliance{Status: status},
		Resources:  []Resource{{Type: "AwsEksCluster", ID: arn + cluster}}}
}

func waiver(until string) *Waiver {
	day, err := time.Parse(time.DateOnly, until)
	if err != nil {
		panic(err)
	}
	return &Waiver{Owner: "team-web", Reason: "no customer data", Expires: day.Add(24*time.Hour - time.Second)}
}

// had returns a finding of yesterday's audit, which stated something else.
func had(cluster, control, workflow, mark string) Earlier {
	e := Earlier{Finding: finding(cluster, control, "FAILED"), Workflow: workflow}
	e.CreatedAt, e.UpdatedAt, e.Description = "2026-01-01T00:00:00.000Z", yesterday, "another reason"
	if mark != "" {
		e.UserFields = map[string]string{markField: mark}
	}
	return e
}

// describe returns the plan as short lines.
func describe(p Plan) []string {
	var lines []string
	for _, f := range p.Import {
		lines = append(lines, fmt.Sprintf("import %s %s", strings.TrimPrefix(f.ID, arn), f.Compliance.Status))
	}
	for _, f := range p.Archive {
		lines = append(lines, fmt.Sprintf("%s %s", strings.ToLower(f.RecordState), strings.TrimPrefix(f.ID, arn)))
	}
	for _, u := range p.Updates {
		lines = append(lines, fmt.Sprintf("%s %s", u.Workflow, strings.TrimPrefix(u.ID, arn)))
	}
	for _, id := range p.Unchanged {
		lines = append(lines, "unchanged "+strings.TrimPrefix(id, arn))
	}
	for _, id := range p.Newer {
		lines = append(lines, "newer "+strings.TrimPrefix(id, arn))
	}
	return lines
}

func TestDecide(t *testing.T) {
	failed := Wanted{Finding: finding("shop", "ENC-2", "FAILED")}
	waived := failed
	waived.Waiver = waiver("2027-03-31")
	passed := Wanted{Finding: finding("shop", "ENC-2", "PASSED")}
	undecided := Wanted{Finding: finding("shop", "ENC-2", "WARNING"), State: Undecided}
	unchecked := Wanted{Finding: finding("shop", "ENC-2", "WARNING"), State: Unchecked}
	ended := Wanted{Finding: finding("shop", "ENC-2", "NOT_AVAILABLE"), State: Ended}
	const inForce = "Waived until 2027-03-31 by team-web: no customer data"
	const expired = "Waived until 2026-11-25 by team-web: no customer data"
	same := func(change func(*Earlier)) []Earlier {
		e := had("shop", "ENC-2", "NEW", "")
		e.Description = ""
		e.ProductFields = map[string]string{versionField: "v0.1.0", callerField: "ci", originPrefix + "finished": yesterday}
		change(&e)
		return []Earlier{e}
	}
	later := had("shop", "ENC-2", "NEW", "")
	later.UpdatedAt = "2026-11-26T03:00:00.000Z"
	archived := had("gone", "ENC-2", "NEW", "")
	archived.RecordState = Archived
	otherType := had("x", "y", "NEW", "")
	otherType.ID, otherType.Resources = "unreachable/111122223333/eu-central-1", []Resource{{Type: "AwsAccount", ID: "a"}}
	created, answered := had("new", "ENC-2", "NEW", ""), otherType
	created.UpdatedAt, answered.UpdatedAt = "2026-11-26T02:30:00.000Z", "2026-11-26T02:30:00.000Z"
	whole := Coverage{Complete: true, Since: now.Add(-time.Hour), Resources: map[string]bool{arn + "shop": true},
		FilteredOut: map[string]bool{arn + "filtered": true}}
	for _, test := range []struct {
		name     string
		wanted   []Wanted
		earlier  []Earlier
		coverage Coverage
		want     []string
	}{
		{"new", []Wanted{failed}, nil, whole, []string{"import shop/ENC-2 FAILED"}},
		{"new and waived", []Wanted{waived}, nil, whole, []string{"import shop/ENC-2 FAILED", "SUPPRESSED shop/ENC-2"}},
		{"waived later", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "NEW", "")}, whole,
			[]string{"import shop/ENC-2 FAILED", "SUPPRESSED shop/ENC-2"}},
		{"waived later, after a release", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "NEW", released)}, whole,
			[]string{"import shop/ENC-2 FAILED", "SUPPRESSED shop/ENC-2"}},
		{"still waived", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", inForce)}, whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"waived for longer", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", expired)}, whole,
			[]string{"import shop/ENC-2 FAILED", "SUPPRESSED shop/ENC-2"}},
		{"suppressed by a person, then waived", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", "")}, whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"reopened by a person under the same waiver", []Wanted{waived}, []Earlier{had("shop", "ENC-2", "NOTIFIED", inForce)},
			whole, []string{"import shop/ENC-2 FAILED"}},
		// H2 of the earlier behaviour: an expired waiver hid the finding for good.
		{"expired", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", expired)}, whole,
			[]string{"import shop/ENC-2 FAILED", "NEW shop/ENC-2"}},
		{"removed before its end", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", inForce)}, whole,
			[]string{"import shop/ENC-2 FAILED", "NEW shop/ENC-2"}},
		{"a mark that was changed", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", "x")}, whole,
			[]string{"import shop/ENC-2 FAILED", "NEW shop/ENC-2"}},
		{"suppressed by a person", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", "")}, whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"suppressed by a person after the waiver", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", released)},
			whole, []string{"import shop/ENC-2 FAILED"}},
		{"resolved by a person", []Wanted{failed}, []Earlier{had("shop", "ENC-2", "RESOLVED", expired)}, whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"fixed while waived", []Wanted{passed}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", inForce)}, whole,
			[]string{"import shop/ENC-2 PASSED", "NEW shop/ENC-2"}},
		{"undecided while waived", []Wanted{undecided}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", inForce)}, whole,
			[]string{"import shop/ENC-2 WARNING"}},
		{"undecided after the waiver", []Wanted{undecided}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", expired)}, whole,
			[]string{"import shop/ENC-2 WARNING", "NEW shop/ENC-2"}},
		{"not checked this time", []Wanted{unchecked}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", inForce)}, whole, nil},
		{"not checked, waiver expired", []Wanted{unchecked}, []Earlier{had("shop", "ENC-2", "SUPPRESSED", expired)}, whole,
			[]string{"NEW shop/ENC-2"}},
		{"does not apply any more", []Wanted{ended}, []Earlier{had("shop", "ENC-2", "NEW", "")}, whole,
			[]string{"archived shop/ENC-2"}},
		{"never applied", []Wanted{ended}, nil, whole, nil},
		{"cluster is gone", []Wanted{failed}, []Earlier{had("gone", "ENC-2", "NEW", "")}, whole,
			[]string{"import shop/ENC-2 FAILED", "archived gone/ENC-2"}},
		{"cluster is gone, and its waiver expired", nil, []Earlier{had("gone", "ENC-2", "SUPPRESSED", expired)}, whole,
			[]string{"archived gone/ENC-2", "NEW gone/ENC-2"}},
		{"archived before", nil, []Earlier{archived}, whole, nil},
		{"left out by a filter", nil, []Earlier{had("filtered", "ENC-2", "NEW", "")}, whole, nil},
		{"a control that this audit does not know", []Wanted{failed}, []Earlier{had("shop", "ENC-9", "NEW", "")}, whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"the place did not answer completely", []Wanted{failed}, []Earlier{had("gone", "ENC-2", "NEW", "")},
			Coverage{Resources: whole.Resources}, []string{"import shop/ENC-2 FAILED"}},
		{"another audit found the cluster after this one began", nil, []Earlier{created}, whole, nil},
		{"the place answers again after a stop", nil, []Earlier{answered}, whole,
			[]string{"archived unreachable/111122223333/eu-central-1"}},
		{"the place answers again", nil, []Earlier{otherType}, whole,
			[]string{"archived unreachable/111122223333/eu-central-1"}},
		{"unchanged, from an audit of another origin", []Wanted{failed}, same(func(*Earlier) {}), whole,
			[]string{"unchanged shop/ENC-2"}},
		{"unchanged for a week", []Wanted{failed}, same(func(e *Earlier) { e.UpdatedAt = "2026-11-19T02:59:59.000Z" }), whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"unchanged, and waived now", []Wanted{waived}, same(func(*Earlier) {}), whole,
			[]string{"SUPPRESSED shop/ENC-2", "unchanged shop/ENC-2"}},
		{"unchanged, and the waiver ended", []Wanted{failed}, same(func(e *Earlier) {
			e.Workflow, e.UserFields = "SUPPRESSED", map[string]string{markField: expired}
		}), whole, []string{"NEW shop/ENC-2", "unchanged shop/ENC-2"}},
		{"another value of the product", []Wanted{failed}, same(func(e *Earlier) {
			e.ProductFields[ToolName+"/Outcome"] = "x"
		}), whole, []string{"import shop/ENC-2 FAILED"}},
		{"as it was, but archived", []Wanted{failed}, same(func(e *Earlier) { e.RecordState = Archived }), whole,
			[]string{"import shop/ENC-2 FAILED"}},
		{"stated twice", []Wanted{failed, failed}, nil, whole, []string{"import shop/ENC-2 FAILED"}},
		{"Security Hub has a newer version", []Wanted{failed}, []Earlier{later}, whole, []string{"newer shop/ENC-2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := describe(Decide(test.wanted, test.earlier, test.coverage, now))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("plan differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecideKeeps checks what an update keeps: the time of creation, and the fields and the note of a person.
func TestDecideKeeps(t *testing.T) {
	e := had("shop", "ENC-2", "NEW", "")
	e.UserFields = map[string]string{"ticket": "SEC-1"}
	e.Note, e.NoteBy = "see SEC-1", "jane"
	w := Wanted{Finding: finding("shop", "ENC-2", "FAILED"), Waiver: waiver("2027-03-31")}
	p := Decide([]Wanted{w}, []Earlier{e}, Coverage{Complete: true}, now)
	if got := p.Import[0]; got.CreatedAt != e.CreatedAt || got.UpdatedAt != "2026-11-26T03:00:00.000Z" {
		t.Errorf("created %s, updated %s, want %s and the time of the import", got.CreatedAt, got.UpdatedAt, e.CreatedAt)
	}
	u := p.Updates[0]
	for _, part := range []string{"team-web", "no customer data", "2027-03-31", "see SEC-1", "jane"} {
		if !strings.Contains(u.Note, part) {
			t.Errorf("note = %q, want %q in it", u.Note, part)
		}
	}
	if u.UserFields["ticket"] != "SEC-1" || len(e.UserFields) != 1 {
		t.Errorf("fields = %v, want those of the customer, too", u.UserFields)
	}
	long := Waiver{Owner: strings.Repeat("o", 600), Reason: strings.Repeat("r", 900), Expires: now}
	w.Waiver = &long
	u = Decide([]Wanted{w}, nil, Coverage{}, now).Updates[0]
	if n, m := len([]rune(u.Note)), len([]rune(u.UserFields[markField])); n > maxNote || m > maxMark {
		t.Errorf("note of %d and mark of %d characters, want at most %d and %d", n, m, maxNote, maxMark)
	}
}

func FuzzWaivedUntil(f *testing.F) {
	for _, mark := range []string{
		"Waived until 2027-03-31 by a: b", "Waived until 2027-13-31 by a: b", "Waived until 2027-03-31", "2027-03-31 by a: b",
		"", released,
	} {
		f.Add(mark)
	}
	f.Fuzz(func(t *testing.T, mark string) {
		until := waivedUntil(mark)
		if !until.IsZero() && !strings.HasPrefix(mark, "Waived until ") {
			t.Errorf("waivedUntil(%q) = %s, want none", mark, until)
		}
	})
	for _, changed := range []string{
		"Waived until 2027-03-31", "2027-03-31 by a: b", "Waived until 2027-03-31x by a: b",
	} {
		if until := waivedUntil(changed); !until.IsZero() {
			f.Errorf("waivedUntil(%q) = %s, want none", changed, until)
		}
	}
	if until := waivedUntil(waiver("2027-03-31").mark()); !until.Equal(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)) {
		f.Errorf("waivedUntil = %s, want the end of the last day", until)
	}
}

func TestEqualUpdates(t *testing.T) {
	u := func(id, workflow, field string) Update {
		return Update{ID: id, Workflow: workflow, UserFields: map[string]string{"f": field}}
	}
	groups := equalUpdates([]Update{u("1", "NEW", "a"), u("2", "NEW", "b"), u("3", "NEW", "a"), u("4", "SUPPRESSED", "a")})
	var sizes []int
	for _, g := range groups {
		sizes = append(sizes, len(g))
	}
	if !slices.Equal(sizes, []int{2, 1, 1}) {
		t.Errorf("groups of %v, want 2, 1, 1", sizes)
	}
}
