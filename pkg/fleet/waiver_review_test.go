package fleet

import (
	"errors"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func placeWaiver(place, expires string) Waiver {
	return Waiver{Place: place, Reason: "not in use", Owner: "ann", Expires: expires}
}

// TestWaiverProblems checks that a waiver that covers nothing or ends soon is named.
func TestWaiverProblems(t *testing.T) {
	a := Answers{StartedAt: now, Items: list(report("legacy-1", v1alpha1.VerdictNotEncrypted, nil),
		report("good", v1alpha1.VerdictAWSOwnedKey, nil)),
		Unreachable: []v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-west-1", Reason: "denied"}}}
	for _, test := range []struct {
		name   string
		waiver Waiver
		covers int
		want   string // of the problem; "" for none
	}{
		{"fine", waive("legacy-*", "ENC-1", "ann", "2027-06-30"), 1, ""},
		{"15 days", waive("legacy-*", "ENC-1", "ann", "2026-12-10"), 1, ""},
		{"14 days", waive("legacy-*", "ENC-1", "ann", "2026-12-09"), 1, "it ends in 14 days, on 2026-12-09"},
		{"tomorrow", waive("legacy-*", "ENC-1", "ann", "2026-11-26"), 1, "it ends in 1 day, on 2026-11-26"},
		{"today", waive("legacy-*", "ENC-1", "ann", "2026-11-25"), 1, "it ends today"},
		{"yesterday", waive("legacy-*", "ENC-1", "ann", "2026-11-24"), 1, "it expired on 2026-11-24"},
		{"no such cluster", waive("legcay-*", "ENC-1", "ann", "2027-06-30"), 0, "no cluster of this audit matches it"},
		{"nothing fails", waive("good", "ENC-1", "ann", "2027-06-30"), 0, "no cluster that it matches fails ENC-1"},
		{"not enforced", waive("*", "ENC-2", "ann", "2027-06-30"), 0, "this audit does not enforce ENC-2"},
		{"overlapping", waive("*", "ENC-1", "ann", "2027-06-30"), 1, ""},
		{"place", placeWaiver("111122223333/eu-*", "2027-06-30"), 1, ""},
		{"place that answers", placeWaiver("111122223333/us-*", "2027-06-30"), 0, "no unreachable location matches it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Assess(a, Rules{Controls: []string{"ENC-1"}, Now: now,
				Waivers: []Waiver{waive("legacy-1", "ENC-1", "bob", "2028-01-01"), test.waiver}})
			got := r.Rules.Waivers[1]
			if got.Covers != test.covers || (got.Problem == "") != (test.want == "") ||
				!strings.Contains(got.Problem, test.want) {
				t.Errorf("waiver = %+v, want it to cover %d, problem %q", got, test.covers, test.want)
			}
			notes := strings.Join(r.Notes, "\n")
			if strings.Contains(notes, "waiver 2 (") != (test.want != "") || !strings.Contains(notes, test.want) {
				t.Errorf("notes = %q, want the problem and the owner", notes)
			}
		})
	}
}

// TestWaiverOfAStandard checks that the problem of a waiver is not that its control holds, if the control fails and
// only the standard does not count the failure.
func TestWaiverOfAStandard(t *testing.T) {
	disabled := report("disabled", v1alpha1.VerdictCustomerManagedKey, unusable(keyA))
	fine := report("fine", v1alpha1.VerdictCustomerManagedKey, usable(keyB))
	doomed := report("doomed", v1alpha1.VerdictCustomerManagedKey, unusable(keyB))
	doomed.Key.State = "PendingDeletion"
	unknown := &v1alpha1.Key{ARN: keyB, Usable: v1alpha1.UsableUnknown}
	unread := report("unread", v1alpha1.VerdictCustomerManagedKey, unknown)
	for cluster, want := range map[string]string{
		"disabled": "by fsbp-1.0.0, a failure of ENC-3 does not count for a cluster that it matches",
		"fine":     "no cluster that it matches fails ENC-3",
		"doomed":   "",
		"unread":   "", // it may be needed
		"d*":       "",
	} {
		r := Assess(Answers{StartedAt: now, Items: list(disabled, fine, doomed, unread)}, Rules{
			Controls: StandardControls("fsbp-1.0.0", false, false), Standard: "fsbp-1.0.0", Now: now,
			Waivers: []Waiver{waive(cluster, "ENC-3", "ann", "2027-06-30")},
		})
		if got := r.Rules.Waivers[0].Problem; strings.TrimPrefix(got, "it matches nothing: ") != want {
			t.Errorf("problem of a waiver for %s = %q, want %q", cluster, got, want)
		}
	}
}

// TestSameWaiverTwice checks that a waiver that is given twice hides a finding or a place once, and is not a mistake.
func TestSameWaiverTwice(t *testing.T) {
	a := Answers{StartedAt: now, Items: list(report("old", v1alpha1.VerdictNotEncrypted, nil)),
		Unreachable: []v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-west-1", Reason: "denied"}}}
	w, p := waive("old", "ENC-1", "ann", "2027-06-30"), placeWaiver("111122223333/eu-*", "2027-06-30")
	r := Assess(a, Rules{Controls: []string{"ENC-1"}, Now: now, Waivers: []Waiver{w, p, w, p}})
	if len(r.Waived) != 1 || r.Summary.Waived != 1 || r.Summary.Findings != 0 || len(r.Unreachable) != 1 {
		t.Errorf("waived = %+v, summary = %+v, want one finding and one place", r.Waived, r.Summary)
	}
	if got := WaiverNotes(r); len(got) != 0 {
		t.Errorf("notes = %q, want none", got)
	}
}

// TestWaivedFinding checks that a waived finding keeps what it states.
func TestWaivedFinding(t *testing.T) {
	bad := report("bad", v1alpha1.VerdictCustomerManagedKey, unusable(keyB))
	r := Assess(Answers{Items: list(bad), StartedAt: now}, Rules{Controls: []string{"ENC-3"}, Now: now,
		Waivers: []Waiver{waive("bad", "ENC-3", "ann", "2027-01-01")}})
	if len(r.Waived) != 1 {
		t.Fatalf("waived = %+v, want one", r.Waived)
	}
	w := r.Waived[0]
	if w.Severity != v1alpha1.SeverityCritical || w.Title == "" || w.Account != "111122223333" ||
		w.Region != "eu-central-1" || w.Name != "bad" || w.Finding != "KMS reports Disabled" || w.Reason != "r" {
		t.Errorf("waived = %+v, want severity, title, account, region, name and both reasons", w)
	}
}

// TestWaivedPlaces checks which places a waiver covers, and that a covered place does not affect the outcome.
func TestWaivedPlaces(t *testing.T) {
	region := v1alpha1.Unreachable{Account: "111122223333", Region: "eu-west-1", Reason: "denied"}
	account := v1alpha1.Unreachable{Account: "111122223333", Reason: "denied"}
	for _, test := range []struct {
		pattern string
		place   v1alpha1.Unreachable
		want    bool
	}{
		{"111122223333/eu-west-1", region, true}, {"111122223333/eu-*", region, true}, {"111122223333", region, true},
		{"*/eu-west-?", region, true}, {"111122223333/us-*", region, false}, {"444455556666/eu-*", region, false},
		{"111122223333", account, true}, {"111122223333/*", account, true},
		{"111122223333/eu-*", account, false}, // the rest of the account is unknown as well
		{"*/*", v1alpha1.Unreachable{Context: "c"}, false},
	} {
		r := Assess(Answers{Items: list(report("c", v1alpha1.VerdictAWSOwnedKey, nil)), StartedAt: now,
			Unreachable: []v1alpha1.Unreachable{test.place}},
			Rules{Controls: []string{"ENC-1"}, Waivers: []Waiver{placeWaiver(test.pattern, "2026-12-31")}, Now: now})
		want := v1alpha1.OutcomeCannotTell
		if test.want {
			want = v1alpha1.OutcomeHolds
		}
		if r.Summary.Outcome != want || (r.Unreachable[0].Waiver != nil) != test.want {
			t.Errorf("%s for %+v: outcome = %s, waiver = %+v; want %s", test.pattern, test.place, r.Summary.Outcome,
				r.Unreachable[0].Waiver, want)
		}
		if w := r.Unreachable[0].Waiver; w != nil && (w.Owner != "ann" || w.Expires == nil || w.Finding != "denied") {
			t.Errorf("waiver = %+v, want owner, end and the reason of the place", w)
		}
	}
	// After its end, a waiver covers nothing.
	r := Assess(Answers{Items: list(report("c", v1alpha1.VerdictAWSOwnedKey, nil)), StartedAt: now,
		Unreachable: []v1alpha1.Unreachable{region}},
		Rules{Controls: []string{"ENC-1"}, Waivers: []Waiver{placeWaiver("*", "2026-11-24")}, Now: now})
	if r.Summary.Outcome != v1alpha1.OutcomeCannotTell {
		t.Errorf("expired: outcome = %s, want CannotTell", r.Summary.Outcome)
	}
}

func TestParsePlaceWaivers(t *testing.T) {
	const good = "waivers:\n- {place: 111122223333/eu-*, reason: r, owner: ann, expires: 2027-01-31}\n"
	if got, err := ParseWaivers([]byte(good)); err != nil || len(got) != 1 || got[0].Place != "111122223333/eu-*" {
		t.Fatalf("ParseWaivers = %+v, %v, want one place", got, err)
	}
	for name, text := range map[string]string{
		"with a control":    strings.Replace(good, "{", "{control: ENC-1, ", 1),
		"with a cluster":    strings.Replace(good, "{", "{cluster: x, ", 1),
		"no region":         strings.Replace(good, "/eu-*", "/", 1),
		"no account":        strings.Replace(good, "111122223333", "", 1),
		"too deep":          strings.Replace(good, "eu-*", "eu-*/c", 1),
		"not a pattern":     strings.Replace(good, "eu-*", "'[eu'", 1),
		"no owner":          strings.Replace(good, "owner: ann, ", "", 1),
		"no expiry":         strings.Replace(good, ", expires: 2027-01-31", "", 1),
		"neither":           strings.Replace(good, "place: 111122223333/eu-*, ", "", 1),
		"an invalid region": strings.Replace(good, "111122223333/eu-*", "'111122223333/[-]'", 1),
	} {
		if got, err := ParseWaivers([]byte(text)); err == nil {
			t.Errorf("%s: ParseWaivers = %+v, want an error", name, got)
		}
	}
}

func TestCheckWaiverTerms(t *testing.T) {
	waivers := []Waiver{waive("a", "ENC-1", "ann", "2027-02-23"), waive("*", "ENC-3", "bob", "9999-12-31"),
		placeWaiver("111122223333", "2027-02-24"), waive("b", "ENC-1", "eve", "2001-01-01")}
	err := CheckWaiverTerms(waivers, 90, now)
	if err == nil || !strings.Contains(err.Error(), "waiver 2 (cluster *, control ENC-3, owner bob)") ||
		!strings.Contains(err.Error(), "waiver 3 (place 111122223333") || !strings.Contains(err.Error(), "2027-02-23") ||
		strings.Contains(err.Error(), "waiver 1") || strings.Contains(err.Error(), "waiver 4") {
		t.Errorf("CheckWaiverTerms = %v, want waivers 2 and 3, and the latest day", err)
	}
	if err := errors.Join(CheckWaiverTerms(waivers, 0, now), CheckWaiverTerms(waivers[:1], 90, now)); err != nil {
		t.Errorf("CheckWaiverTerms = %v, want nil", err)
	}
}
