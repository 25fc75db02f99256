package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// described returns how often EKS described each cluster.
func (f fleet) described() map[string]int {
	n := map[string]int{}
	for _, r := range f.Requests() {
		if r.Operation == "DescribeCluster" && r.Status == http.StatusOK {
			n[fmt.Sprintf("arn:aws:eks:%s:%s:cluster/%s", r.Region, r.Account, r.Cluster)]++
		}
	}
	return n
}

// gatherUntil gathers with a context that ends after n clusters.
func (f fleet) gatherUntil(t *testing.T, o Options, n int, cause error) *Gathered {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	o.Progress = func(p Progress) {
		if p.ClustersDone >= n {
			cancel(cause)
		}
	}
	g, err := Gather(ctx, o)
	awstest.Must(t, err)
	return g
}

// report judges what was gathered, as the command does.
func (f fleet) report(g *Gathered, rules Rules) *v1alpha1.AuditReport {
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: fleetNow}, rules)
	r.Scope.Regions, r.Scope.Accounts, r.Scope.Answered = g.Regions, g.Accounts, g.Answered
	r.Scope.FilteredOut, r.Scope.Organization, r.Scope.RoleName = g.FilteredOut, true, f.RoleName
	return r
}

// TestStop checks that a stopped audit has each cluster that it described, names each other one, and that the next
// audit completes it without a second call for a cluster.
func TestStop(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 300, Regions: 8, Accounts: 4, Seed: 4})
	rules := f.rules()
	whole := f.report(f.gather(t, f.options()), rules)
	f.SetFaults([]fakeaws.Fault{{Latency: 2 * time.Millisecond}})
	for _, test := range []struct {
		after  int
		cause  error
		reason string
	}{
		{0, nil, "the audit was interrupted"},
		{1, nil, "the audit was interrupted"},
		{100, fmt.Errorf("the audit timed out after 10m"), "the audit timed out after 10m"},
		{150, nil, "the audit was interrupted"},
	} {
		f.ResetRequests()
		g := f.gatherUntil(t, f.options(), test.after, test.cause)
		r := f.report(g, rules)
		f.checkPartial(t, r, test.reason)
		if !g.Stopped || r.Summary.Outcome == v1alpha1.OutcomeHolds {
			t.Errorf("after %d: Stopped = %v, outcome = %s; want true, not Holds", test.after, g.Stopped, r.Summary.Outcome)
		}
		if c := Compare(whole, r); len(c.Gone) > 0 || len(c.Fixed) > 0 || len(c.LostPlaces) > 0 {
			t.Errorf("after %d: gone %v, fixed %v, lost places %v; want none", test.after, c.Gone, c.Fixed, c.LostPlaces)
		}

		o := f.options()
		earlier, err := ParseReport([]byte(asJSON(t, r)))
		awstest.Must(t, err)
		o.Earlier = earlier
		again := f.report(f.gather(t, o), rules)
		for cluster, n := range f.described() {
			if n != 1 {
				t.Errorf("after %d: %s was described %d times, want once", test.after, cluster, n)
			}
		}
		if got, want := asJSON(t, withoutItemTimes(again)), asJSON(t, whole); got != want {
			t.Errorf("after %d: the report differs from that of one run: %s", test.after, firstDifference(got, want))
		}
	}
}

// checkPartial compares a partial report with the calls that were made.
func (f fleet) checkPartial(t *testing.T, r *v1alpha1.AuditReport, reason string) {
	t.Helper()
	described, items := f.described(), byIdentity(r.Items)
	var missing []string
	for _, u := range r.Unreachable {
		missing = append(missing, u.Clusters...)
		if !strings.Contains(u.Reason, reason) || u.Cause != v1alpha1.CauseInterrupted {
			t.Errorf("%s/%s: %s %q, want %q", u.Account, u.Region, u.Cause, u.Reason, reason)
		}
	}
	for _, truth := range f.Generated.Expected {
		at := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Account: truth.Account, Region: truth.Region}}
		if (items[truth.ARN] != nil) != (described[truth.ARN] > 0) {
			t.Errorf("%s: in the report: %v, described %d times", truth.ARN, items[truth.ARN] != nil, described[truth.ARN])
		}
		if items[truth.ARN] == nil && (answered(r, at) || !unreachable(r, at)) {
			t.Errorf("%s was not queried, and its place is not unreachable", truth.ARN)
		}
		if items[truth.ARN] != nil && slices.Contains(missing, truth.ARN) {
			t.Errorf("%s was queried, and is listed as not queried", truth.ARN)
		}
	}
}

// withoutItemTimes returns the report of a resumed audit without the times of its clusters, as that of one run.
func withoutItemTimes(r *v1alpha1.AuditReport) *v1alpha1.AuditReport {
	for i := range r.Items {
		r.Items[i].CreationTimestamp.Reset()
	}
	return r
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	awstest.Must(t, err)
	return string(text)
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("line %d: %q, want %q", i, x[i], y[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(x), len(y))
}

// TestCutShort checks that a cluster whose calls were cut short counts as not queried.
func TestCutShort(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 60, Regions: 2, Accounts: 1, Seed: 5})
	f.SetFaults([]fakeaws.Fault{{Service: "kms", Latency: time.Minute}})
	o := f.options()
	o.Grace = 50 * time.Millisecond
	g := f.gatherUntil(t, o, 1, nil)
	for _, item := range g.Items {
		if item.Key != nil {
			t.Errorf("%s is in the report with key %+v, want it not queried", item.Cluster.ARN, item.Key)
		}
	}
	if len(g.Unreachable) == 0 || len(g.Unreachable[0].Clusters) == 0 {
		t.Errorf("Unreachable = %+v, want the clusters that were cut short", g.Unreachable)
	}
}

// TestNoWaiverForInterruption checks that a waiver covers a place that may not be queried, and not one that was not
// queried because the audit was stopped.
func TestNoWaiverForInterruption(t *testing.T) {
	rules := Rules{Now: fleetNow, Waivers: []Waiver{{
		Place: "111122223333", Reason: "r", Owner: "o", Expires: "2027-01-01",
	}}}
	for cause, waived := range map[v1alpha1.UnreachableCause]bool{
		v1alpha1.CauseServiceControlPolicy: true, v1alpha1.CauseTimeout: true, v1alpha1.CauseInterrupted: false,
	} {
		places := []v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-west-1", Reason: "r", Cause: cause}}
		if got := Assess(Answers{Unreachable: places}, rules).Unreachable[0].Waiver != nil; got != waived {
			t.Errorf("%s: waived = %v, want %v", cause, got, waived)
		}
	}
}

// TestCanResume checks which reports can be continued.
func TestCanResume(t *testing.T) {
	valid := func() *v1alpha1.AuditReport {
		return &v1alpha1.AuditReport{
			Scope: v1alpha1.AuditScope{
				Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}, Organization: true, RoleName: "auditor",
				ExcludedRegions: []string{"ap-*"}, Filters: []string{"name=prod-*"}, Shard: "1/2", AllRegions: true,
			},
			Unreachable: []v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-central-1"}},
		}
	}
	filter, err := NewFilter([]string{"prod-*"}, nil)
	awstest.Must(t, err)
	scope := Scope{
		Organization: true, RoleName: "auditor", Regions: []string{AllRegions}, ExcludeRegions: []string{"ap-*"},
		Shard: Shard{1, 2},
	}
	for want, change := range map[string]func(*v1alpha1.AuditReport){
		"":                               func(*v1alpha1.AuditReport) {},
		"complete":                       func(r *v1alpha1.AuditReport) { r.Unreachable = nil },
		"not a report of --all-clusters": func(r *v1alpha1.AuditReport) { r.Scope.Contexts = []string{"prod"} },
		"another --organization":         func(r *v1alpha1.AuditReport) { r.Scope.Organization = false },
		"another --ou":                   func(r *v1alpha1.AuditReport) { r.Scope.OrganizationalUnits = []string{"ou"} },
		"--regions: eu-west-1, now all":  func(r *v1alpha1.AuditReport) { r.Scope.AllRegions = false },
		"another --exclude-regions":      func(r *v1alpha1.AuditReport) { r.Scope.ExcludedRegions = nil },
		"another --exclude-accounts":     func(r *v1alpha1.AuditReport) { r.Scope.ExcludedAccounts = []string{"1*"} },
		"another --role-name":            func(r *v1alpha1.AuditReport) { r.Scope.RoleName = "other" },
		"another --shard":                func(r *v1alpha1.AuditReport) { r.Scope.Shard = "" },
		"another --cluster-name or":      func(r *v1alpha1.AuditReport) { r.Scope.Filters = nil },
		"with different --cluster-name": func(r *v1alpha1.AuditReport) {
			r.Scope.Filters, r.Scope.FilteredOut = nil, []string{clusterARN("dev")}
		},
	} {
		r := valid()
		change(r)
		err := CanResume(r, scope, filter)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CanResume = %v, want %q", err, want)
		}
	}
	for _, regions := range [][]string{nil, {"eu-west-1"}} {
		scope.Regions = regions
		if err := CanResume(valid(), scope, filter); err == nil || !strings.Contains(err.Error(), "another --regions: all") {
			t.Errorf("CanResume with regions %v = %v, want an error", regions, err)
		}
	}
}
