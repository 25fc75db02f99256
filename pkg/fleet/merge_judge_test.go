package fleet

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func reports(r ...*v1alpha1.AuditReport) []*v1alpha1.AuditReport { return r }

func TestMissingShards(t *testing.T) {
	good := report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA))
	shard := func(text, note string, sources ...v1alpha1.AuditSource) *v1alpha1.AuditReport {
		scope := inPlace("eu-central-1", "eu-central-1")
		scope.Organization, scope.Shard = true, text
		r := at(0, scope, Answers{Items: list(good)})
		r.Sources = sources
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
		return r
	}
	unit := shard("1/2", "")
	unit.Scope.Organization, unit.Scope.OrganizationalUnits = false, []string{"ou-ab12-11111111"}
	elsewhere := shard("", "")
	elsewhere.Scope.Accounts = []string{"444455556666"}
	some := shard("", "")
	some.Scope.Filters, some.Scope.FilteredOut = []string{"name=g*"}, []string{clusterARN("other")}
	const note = "shard 0/2: 1 of 1 accounts"
	joined := shard("", "", v1alpha1.AuditSource{Shard: "0/3"},
		v1alpha1.AuditSource{Sources: []v1alpha1.AuditSource{{Shard: "2/3"}}})
	joined.Unreachable = []v1alpha1.Unreachable{{Missing: "shard 1/3"}}
	for name, test := range map[string]struct {
		reports []*v1alpha1.AuditReport
		missing string
		shard   string
	}{
		"all":                     {reports: reports(shard("1/2", ""), shard("0/2", note))},
		"one":                     {reports: reports(shard("0/3", "")), missing: "shard 1/3, 2/3", shard: "0/3"},
		"two":                     {reports: reports(shard("0/3", ""), shard("2/3", "")), missing: "shard 1/3"},
		"a joined report":         {reports: reports(joined), missing: "shard 1/3"},
		"a joined report, filled": {reports: reports(joined, shard("1/3", ""))},
		"none":                    {reports: reports(shard("", ""))},
		"the whole":               {reports: reports(shard("0/3", ""), shard("", ""))},
		"the whole, filtered":     {reports: reports(shard("0/2", ""), some), missing: "shard 1/2"},
		"another count":           {reports: reports(shard("0/3", ""), shard("0/2", ""), shard("1/2", ""))},
		"another selection":       {reports: reports(shard("0/2", ""), unit), missing: "shard 0/2, 1/2"},
		"accounts": {
			reports: reports(shard("0/2", "shard 0/2: 1 of 3 accounts"), shard("1/2", "")), missing: "accounts of the shards: 2",
		},
		"a report of other accounts": {reports: reports(shard("0/2", ""), elsewhere), missing: "shard 1/2"},
		"another note":               {reports: reports(shard("", "shard 0/2: 1 of 3 accounts"))},
	} {
		t.Run(name, func(t *testing.T) {
			r := judge(Rules{Controls: []string{controlEnvelope}, Now: now.Add(time.Hour)}, test.reports...)
			for range 2 {
				missing := ""
				for _, u := range r.Unreachable {
					missing += u.Missing
				}
				want := v1alpha1.OutcomeHolds
				if test.missing != "" {
					want = v1alpha1.OutcomeCannotTell
				}
				if missing != test.missing || r.Scope.Shard != test.shard || r.Summary.Outcome != want {
					t.Errorf("missing %q, shard %q, %s, want %q, %q, %s", missing, r.Scope.Shard, r.Summary.Outcome,
						test.missing, test.shard, want)
				}
				r.Sources = nil
				for _, s := range test.reports { // as the command does it
					r.Sources = append(r.Sources, v1alpha1.AuditSource{Shard: s.Scope.Shard, Sources: s.Sources})
				}
				r = judge(Rules{Controls: []string{controlEnvelope}, Now: now.Add(time.Hour)}, r)
			}
		})
	}
}

// A report of last year is judged as of now: waivers end, keys are deleted, and imported material expires.
func TestMergeJudgesAsOfNow(t *testing.T) {
	day := func(n int) *metav1.Time { return &metav1.Time{Time: now.AddDate(0, 0, n)} }
	imported := usable(keyA)
	imported.ValidTo, imported.Origin = day(40), "EXTERNAL"
	left := 40
	imported.MaterialDaysLeft = &left
	doomed := unusable(keyB)
	doomed.State, doomed.DeletionDate = "PendingDeletion", day(20)
	earlier := at(0, v1alpha1.AuditScope{}, Answers{Items: list(
		report("imported", v1alpha1.VerdictCustomerManagedKey, imported),
		report("doomed", v1alpha1.VerdictCustomerManagedKey, doomed))})
	for days, want := range map[int]struct {
		doomed, imported int
		usable           v1alpha1.Result
		waived           bool
	}{
		0:  {20, 40, v1alpha1.ResultPass, true},
		6:  {13, 33, v1alpha1.ResultPass, false},
		39: {0, 0, v1alpha1.ResultPass, false},
		40: {0, 0, v1alpha1.ResultUnknown, false},
	} {
		rules := Rules{Controls: []string{controlUsable}, Now: now.AddDate(0, 0, days).Add(2 * time.Minute),
			Waivers: []Waiver{waive("doomed", controlUsable, "ann", "2026-11-30")}}
		if days == 0 {
			rules.Now = now
		}
		r := judge(rules, earlier)
		daysLeft := map[string]int{}
		for _, k := range r.Keys {
			daysLeft[k.ARN] = *k.DaysLeft
		}
		if daysLeft[keyB] != want.doomed || daysLeft[keyA] != want.imported {
			t.Errorf("after %d days, %v days left, want %+v", days, daysLeft, want)
		}
		if got := resultOf(byIdentity(r.Items)[clusterARN("imported")], controlUsable); got != string(want.usable) {
			t.Errorf("after %d days, ENC-3 of imported material is %s, want %s", days, got, want.usable)
		}
		if (len(r.Waived) == 1) != want.waived {
			t.Errorf("after %d days, waived = %v, want %v", days, r.Waived, want.waived)
		}
		if !r.FinishedAt.Equal(earlier.FinishedAt) || !r.StartedAt.Equal(earlier.StartedAt) ||
			!r.JudgedAt.Time.Equal(rules.Now) {
			t.Errorf("observed %s to %s, judged %s", r.StartedAt, r.FinishedAt, r.JudgedAt)
		}
	}
	if *imported.MaterialDaysLeft != 40 || earlier.Items[0].Key.Usable != v1alpha1.UsableYes {
		t.Error("Merge changed its argument")
	}
}
