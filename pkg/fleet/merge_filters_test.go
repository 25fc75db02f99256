package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestMergeFilters checks that a report with a filter answers a place only for a report that selects no more clusters
// there, and that the merged report names no filter that only some reports have.
func TestMergeFilters(t *testing.T) {
	const eu = "eu-central-1"
	good := report("web-1", v1alpha1.VerdictCustomerManagedKey, usable(keyA))
	filtered := func(filters, out string, answered ...string) v1alpha1.AuditScope {
		s := inPlace(eu, answered...)
		s.Filters = strings.Fields(filters)
		for name := range strings.FieldsSeq(out) {
			s.FilteredOut = append(s.FilteredOut, clusterARN(name))
		}
		return s
	}
	rules := Rules{Controls: []string{controlEnvelope, controlUsable}, Now: now.Add(time.Hour)}
	for name, test := range map[string]struct {
		was, is, out string // filters, and the clusters that the later report left out
		whole        bool   // the whole account was unreachable
		answered     bool
		filters      string // of the merged report
	}{
		"no filter": {answered: true},
		"the same name": {
			was: "name=web-*", is: "name=web-*", out: "pay-1", answered: true, filters: "name=web-*",
		},
		"the same tag":             {was: "tag:a=b", is: "tag:a=b", out: "pay-1", answered: true, filters: "tag:a=b"},
		"fewer clusters":           {is: "name=web-*", out: "pay-1"},
		"fewer in the account":     {is: "name=web-*", out: "pay-1", whole: true},
		"fewer by tag":             {is: "tag:a=b", out: "pay-1"},
		"fewer, none left out":     {is: "name=web-*"},
		"one name less":            {was: "name=web-* name=pay-*", is: "name=web-*", out: "pay-1"},
		"one name more":            {was: "name=web-*", is: "name=web-* name=pay-*", out: "old-1", answered: true},
		"all instead of a name":    {was: "name=web-*", answered: true},
		"one tag more":             {was: "tag:a=b", is: "tag:a=b tag:c=d", out: "pay-1"},
		"one tag less":             {was: "tag:a=b tag:c=d", is: "tag:a=b", out: "pay-1", answered: true},
		"a tag and a name more":    {was: "tag:a=b", is: "tag:a=b name=web-*", out: "pay-1"},
		"a merged report":          {out: "pay-1"},
		"a merged report, by name": {was: "name=web-*", out: "pay-1", answered: true},
	} {
		t.Run(name, func(t *testing.T) {
			places := []v1alpha1.Unreachable{{Account: ownAccount, Region: eu, Reason: "stopped",
				Cause: v1alpha1.CauseInterrupted}}
			if test.whole {
				places[0].Region = ""
			}
			was := at(0, filtered(test.was, ""), Answers{Unreachable: places})
			is := at(10, filtered(test.is, test.out, eu), Answers{Items: list(good)})
			r := judge(rules, is, was)
			if got := len(r.Unreachable) == 0; got != test.answered || len(r.Scope.Answered) > 0 != got {
				t.Errorf("unreachable = %+v, answered = %+v, want it answered: %v", r.Unreachable, r.Scope.Answered,
					test.answered)
			}
			if got := strings.Join(r.Scope.Filters, " "); got != test.filters {
				t.Errorf("filters = %q, want %q", got, test.filters)
			}
			before := at(-10, was.Scope, Answers{Unreachable: places})
			if r = judge(rules, r, before); len(r.Unreachable) == 0 && !test.answered {
				t.Error("the merged report answers a place that those it was made from do not")
			}
			merged := judge(rules, is, at(5, v1alpha1.AuditScope{Accounts: []string{"444455556666"}}, Answers{}))
			if r = judge(rules, merged, before); len(r.Unreachable) == 0 && !test.answered && test.out != "" {
				t.Error("a merged report answers a place that the one it was made from does not")
			}

			is = at(10, filtered(test.is, test.out), Answers{Unreachable: dark(places[0].Region, "denied")})
			r = judge(rules, was, is)
			if len(r.Unreachable) != 1 || (r.Unreachable[0].Reason == "denied") != test.answered {
				t.Errorf("unreachable = %+v, want one, and the later reason: %v", r.Unreachable, test.answered)
			}
		})
	}
}
