package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// onDay returns a report of an audit that finished that many days after now.
func onDay(days int, change func(*v1alpha1.AuditReport), items ...v1alpha1.EncryptionReport) *v1alpha1.AuditReport {
	answers := Answers{Items: items, StartedAt: now}
	judged := rules("ENC-1", "ENC-3")
	judged.Now = now.AddDate(0, 0, days)
	r := inScope(Assess(answers, judged), "111122223333", "eu-central-1", "us-east-1")
	if change != nil {
		change(r)
	}
	return r
}

func history(t *testing.T, reports ...*v1alpha1.AuditReport) *History {
	t.Helper()
	h := &History{}
	for i, r := range reports {
		if err := h.Add(string(rune('a'+i)), r); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// unreachableRegion makes a region unreachable.
func unreachableRegion(region string) func(*v1alpha1.AuditReport) {
	return func(r *v1alpha1.AuditReport) {
		r.Unreachable = append(r.Unreachable, v1alpha1.Unreachable{Account: "111122223333", Region: region})
		r.Summary.Unreachable = len(r.Unreachable)
		inScope(r, "111122223333", r.Scope.Regions...)
	}
}

// TestTrend checks the order and the numbers of the points, and the report that Compare gets.
func TestTrend(t *testing.T) {
	none, owned := report("none", v1alpha1.VerdictNotEncrypted, nil), report("owned", v1alpha1.VerdictAWSOwnedKey, nil)
	sick := report("sick", v1alpha1.VerdictCustomerManagedKey, unusable(keyA))
	h := history(t, onDay(-1, nil, none, owned, sick), onDay(-9, nil, none), onDay(-5, nil, none, sick))
	if want := now.AddDate(0, 0, -1); !h.Latest.FinishedAt.Time.Equal(want) {
		t.Errorf("the latest is of %s, want %s", h.Latest.FinishedAt, want)
	}
	var got []string
	for _, p := range h.Trend(onDay(0, nil, owned)) {
		got = append(got, strings.Join([]string{p.Time.UTC().Format("01-02"), string(p.Outcome),
			strings.Repeat("c", p.Clusters), strings.Repeat("f", p.Findings),
			strings.Repeat("C", p.Severities[v1alpha1.SeverityCritical]), strings.Repeat("a", p.Answered)}, " "))
		if len(p.OtherScope)+len(p.NotComparable) > 0 {
			t.Errorf("%s is not comparable: %q, %q", p.Time, p.OtherScope, p.NotComparable)
		}
	}
	date := func(days int) string { return now.AddDate(0, 0, days).UTC().Format("01-02") }
	want := []string{date(-9) + " Finding c f  aa", date(-5) + " Finding cc ff C aa", date(-1) + " Finding ccc ff C aa",
		date(0) + " Holds c   aa"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestComparable checks which audits cannot be compared with the one before, and which have another scope than the
// current one.
func TestComparable(t *testing.T) {
	scope := func(change func(*v1alpha1.AuditScope)) func(*v1alpha1.AuditReport) {
		return func(r *v1alpha1.AuditReport) { change(&r.Scope) }
	}
	organization := func(accounts ...string) func(*v1alpha1.AuditReport) {
		return scope(func(s *v1alpha1.AuditScope) {
			s.Organization, s.Accounts, s.Answered = true, accounts, nil
			for _, a := range accounts {
				s.Answered = append(s.Answered, v1alpha1.AccountRegions{Account: a, Regions: s.Regions})
			}
		})
	}
	accountOut := func(r *v1alpha1.AuditReport) {
		r.Unreachable = []v1alpha1.Unreachable{{Account: "111122223333"}}
		r.Scope.Answered = nil
	}
	const lost, regained = "1 location of the earlier audit missing", "1 location missing earlier"
	for _, test := range []struct {
		name                  string
		was, is               func(*v1alpha1.AuditReport)
		other, want, backward string
	}{
		{"same", nil, nil, "", "", ""},
		{"a region lost", nil, unreachableRegion("us-east-1"), "", lost, regained},
		{"the account lost", nil, accountOut, "", lost, regained},
		{"lost before and now", unreachableRegion("us-east-1"), unreachableRegion("us-east-1"), "", "", ""},
		{"another region", scope(func(s *v1alpha1.AuditScope) { s.Regions = []string{"eu-central-1"} }), nil,
			"regions", "other regions", "other regions"},
		{"another control", scope(func(s *v1alpha1.AuditScope) { s.Controls = []string{"ENC-1"} }), nil,
			"controls", "other controls", "other controls"},
		{"a shard", scope(func(s *v1alpha1.AuditScope) { s.Shard = "0/2" }), nil, "shard", "other shard", "other shard"},
		{"a filter", nil, scope(func(s *v1alpha1.AuditScope) { s.Filters = []string{"tag:a"} }),
			"filters", "other filters", "other filters"},
		{"approved keys", func(r *v1alpha1.AuditReport) { r.Rules.ApprovedKeys = []string{keyA} }, nil,
			"approved keys", "other approved keys", "other approved keys"},
		{"a report of a version without rules", func(r *v1alpha1.AuditReport) { r.Rules = nil }, nil, "", "", ""},
		{"a standard", nil, func(r *v1alpha1.AuditReport) { r.Standard = &v1alpha1.AuditStandard{Name: "hipaa"} },
			"standard", "other standard", "other standard"},
		{"an account more in the organization", organization("1"), organization("1", "2"), "", "",
			lost},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(was, is *v1alpha1.AuditReport, want string) {
				t.Helper()
				points := history(t, was).Trend(is)
				if got := strings.Join(points[1].NotComparable, "; "); got != want {
					t.Errorf("NotComparable = %q, want %q", got, want)
				}
				if got := strings.Join(points[0].OtherScope, "; "); got != test.other {
					t.Errorf("OtherScope = %q, want %q", got, test.other)
				}
			}
			check(onDay(-1, test.was), onDay(0, test.is), test.want)
			check(onDay(-1, test.is), onDay(0, test.was), test.backward)
		})
	}
}

// TestHistoryRefuses checks the reports that have no place in a history.
func TestHistoryRefuses(t *testing.T) {
	a, b := onDay(-2, nil), onDay(-1, nil)
	undated := onDay(-3, func(r *v1alpha1.AuditReport) { r.StartedAt, r.FinishedAt = nil, nil })
	sameTime := onDay(-1, unreachableRegion("us-east-1"))
	future := onDay(3, nil)
	cut := onDay(-1, nil, report("none", v1alpha1.VerdictNotEncrypted, nil))
	cut.Findings = nil
	cutPlaces := onDay(-1, unreachableRegion("us-east-1"))
	cutPlaces.Unreachable = nil
	copied := *b
	copied.FinishedAt = &metav1.Time{Time: b.FinishedAt.In(time.FixedZone("", 3600))}
	for name, test := range map[string]struct {
		reports []*v1alpha1.AuditReport
		want    string
	}{
		"one":                {[]*v1alpha1.AuditReport{b}, ""},
		"one without a time": {[]*v1alpha1.AuditReport{undated}, ""},
		"any order":          {[]*v1alpha1.AuditReport{b, a}, ""},
		"twice":              {[]*v1alpha1.AuditReport{a, b, b}, "2.json is the same report as 1.json"},
		"a copy":             {[]*v1alpha1.AuditReport{b, &copied}, "1.json is the same report as 0.json"},
		"several, one without a time": {[]*v1alpha1.AuditReport{a, undated},
			"1.json has no finishedAt, so its order among the other reports is unknown"},
		"without a time first":           {[]*v1alpha1.AuditReport{undated, a}, "0.json has no finishedAt"},
		"the same time":                  {[]*v1alpha1.AuditReport{b, sameTime}, "0.json and 1.json finished at the same"},
		"the same time, and a later one": {[]*v1alpha1.AuditReport{b, sameTime, onDay(0, nil)}, ""},
		"future":                         {[]*v1alpha1.AuditReport{a, future}, "1.json is not an earlier report"},
		"without its end":                {[]*v1alpha1.AuditReport{cut}, "0.json: the report is not complete"},
		"without its places":             {[]*v1alpha1.AuditReport{cutPlaces}, "0.json: the report is not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := &History{}, error(nil)
			for i, r := range test.reports {
				if err == nil {
					err = h.Add(string(rune('0'+i))+".json", r)
				}
			}
			if err == nil {
				err = h.Check(now)
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want %q", err, test.want)
			}
		})
	}
}
