package fleet

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestResumeKnowsAllAccounts checks that an audit that is continued reads keys as accounts that it does not query
// again, and has the clients of these for an import.
func TestResumeKnowsAllAccounts(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 60, Regions: 2, Accounts: 3, Seed: 6})
	if len(f.shareKeys(t)) == 0 {
		t.Fatal("no key belongs to another account")
	}
	rules := f.rules()
	want := f.report(f.gather(t, f.options()), rules)
	dark := f.Accounts[1]
	f.SetFaults([]fakeaws.Fault{{Service: "eks", Account: dark, Status: 503, Code: "ServiceUnavailableException"}})
	partial := f.report(f.gather(t, f.options()), rules)
	f.SetFaults(nil)

	o := f.options()
	earlier, err := ParseReport([]byte(asJSON(t, partial)))
	awstest.Must(t, err)
	o.Earlier = earlier
	f.ResetRequests()
	g := f.gather(t, o)
	if got, want := asJSON(t, withoutItemTimes(f.report(g, rules))), asJSON(t, want); got != want {
		t.Errorf("the report differs from that of one run: %s", firstDifference(got, want))
	}
	for _, r := range f.Requests() {
		if r.Operation == "ListClusters" && r.Account != dark {
			t.Errorf("the clusters of %s were listed again", r.Account)
		}
	}
	for _, account := range f.Accounts {
		if clients, err := g.Clients(account, "us-east-1"); clients == nil || err != nil {
			t.Errorf("Clients(%s) = %v, %v, want the clients of an import", account, clients, err)
		}
	}
	if clients, err := g.Clients("999999999999", "us-east-1"); clients != nil || err == nil {
		t.Errorf("Clients of an account outside the scope = %v, %v, want an error", clients, err)
	}

	// The role of an account that answered before can no longer be assumed: an import must state that.
	complete := f.Accounts[2]
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		for _, p := range w.Principals {
			if p.ARN == "arn:aws:iam::"+complete+":role/"+f.RoleName {
				p.Trust = nil
			}
		}
	}))
	o.Earlier = earlier
	g = f.gather(t, o)
	if slices.ContainsFunc(g.Unreachable, func(u v1alpha1.Unreachable) bool { return u.Account == complete }) {
		t.Errorf("account %s is unreachable, want it to keep its earlier answers", complete)
	}
	if _, err := g.Clients(complete, "us-east-1"); err == nil || !strings.Contains(err.Error(), "sts:AssumeRole") {
		t.Errorf("error = %v, want the permission that is missing", err)
	}
}

// TestResumeQueriesFailedClusters checks that a cluster whose call failed is queried again, and one whose call is
// denied, or that EKS described, is not.
func TestResumeQueriesFailedClusters(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 60, Regions: 2, Accounts: 3, Seed: 6})
	rules := f.rules()
	failed := f.Generated.Expected[0]
	refused := f.Generated.Expected[slices.IndexFunc(f.Generated.Expected, func(e fakeaws.Expected) bool {
		return e.Region != failed.Region
	})]
	forbid := fakeaws.Fault{
		Operation: "DescribeCluster", Cluster: refused.Name, Status: 403, Code: "AccessDeniedException",
	}
	f.SetFaults([]fakeaws.Fault{forbid, {Operation: "DescribeCluster", Cluster: failed.Name, Status: 500}})
	partial := f.report(f.gather(t, f.options()), rules)
	if len(partial.Unreachable) > 0 || len(partial.Items) != len(f.Generated.Expected) {
		t.Fatalf("%d clusters, unreachable: %+v, want all, and none", len(partial.Items), partial.Unreachable)
	}
	f.SetFaults([]fakeaws.Fault{forbid})
	want := f.report(f.gather(t, f.options()), rules)

	earlier, err := ParseReport([]byte(asJSON(t, partial)))
	awstest.Must(t, err)
	earlier.Scope.AllRegions = true
	if err := CanResume(earlier, f.options().Scope, Filter{}); err != nil {
		t.Errorf("CanResume = %v, want nil", err)
	}
	denied := *want
	denied.Scope.AllRegions = true
	if err := CanResume(&denied, f.options().Scope, Filter{}); !errors.Is(err, errComplete) {
		t.Errorf("CanResume of a report with a denied call = %v, want %v", err, errComplete)
	}
	o := f.options()
	o.Earlier = earlier
	f.ResetRequests()
	got := f.report(f.gather(t, o), rules)
	if got, want := asJSON(t, withoutItemTimes(got)), asJSON(t, want); got != want {
		t.Errorf("the report differs from that of one run: %s", firstDifference(got, want))
	}
	for _, r := range f.Requests() {
		if r.Operation == "DescribeCluster" && r.Cluster != failed.Name {
			t.Errorf("%s was described again", r.Cluster)
		}
	}
}

// TestResumeOnlyData checks that an account that answered stays known if only the existing data of its clusters is
// missing, and that its clusters are not queried again.
func TestResumeOnlyData(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 20, Regions: 2, Accounts: 2, Seed: 6})
	rules := f.rules()
	earlier := f.report(f.gather(t, f.options()), rules)
	want := asJSON(t, earlier)
	last := earlier.Items[len(earlier.Items)-1].Cluster
	earlier.Unreachable = []v1alpha1.Unreachable{{
		Account: last.Account, Region: last.Region, Cause: v1alpha1.CauseInterrupted, Reason: "existing data not verified",
	}}
	if c := Compare(earlier, earlier); len(c.LostPlaces)+len(c.LostSight)+len(c.New) > 0 {
		t.Errorf("changes = %+v, want none", c)
	}
	fewer := *earlier
	fewer.Items = fewer.Items[:len(fewer.Items)-1]
	if c := Compare(&fewer, earlier); len(c.New) != 1 {
		t.Errorf("new = %v, want the cluster that EKS did not list earlier", c.New)
	}
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		w.Principals["arn:aws:iam::"+last.Account+":role/"+f.RoleName].Trust = nil
	}))
	o := f.options()
	o.Earlier = earlier
	f.ResetRequests()
	if got := asJSON(t, withoutItemTimes(f.report(f.gather(t, o), rules))); got != want {
		t.Errorf("the report differs from the earlier one: %s", firstDifference(got, want))
	}
	for _, r := range f.Requests() {
		if r.Operation == "ListClusters" || r.Operation == "DescribeCluster" {
			t.Errorf("%s in %s/%s, want no call", r.Operation, r.Account, r.Region)
		}
	}
}

// TestResumeInMoreRegions checks that a region that the earlier audit did not have is not lost if the role of its
// account cannot be assumed any more.
func TestResumeInMoreRegions(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 20, Regions: 2, Accounts: 2, Seed: 6})
	o := f.options()
	o.Scope.Regions = f.Regions[:1]
	f.SetFaults([]fakeaws.Fault{{Operation: "ListClusters", Account: f.Accounts[0], Status: 503}})
	earlier := f.report(f.gather(t, o), f.rules())
	f.SetFaults(nil)
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		w.Principals["arn:aws:iam::"+f.Accounts[1]+":role/"+f.RoleName].Trust = nil
	}))
	o.Earlier, o.Scope.Regions = earlier, f.Regions
	awstest.Must(t, CanResume(earlier, o.Scope, Filter{}))
	g := f.gather(t, o)
	if !slices.ContainsFunc(g.Unreachable, func(u v1alpha1.Unreachable) bool { return u.Account == f.Accounts[1] }) {
		t.Errorf("unreachable = %+v, want account %s", g.Unreachable, f.Accounts[1])
	}
}

// TestResumeKeepsUnreachable checks that a place that the earlier audit could not query does not get lost if it is no
// longer in the scope, for whatever reason.
func TestResumeKeepsUnreachable(t *testing.T) {
	for name, fault := range map[string]fakeaws.Fault{
		"no list":        {Operation: "ListClusters", Status: 503, Code: "ServiceUnavailableException"},
		"no description": {Operation: "DescribeCluster", Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(t, fakeaws.GenerateOptions{Clusters: 20, Regions: 2, Accounts: 2, Seed: 6})
			gone := f.Regions[1]
			fault.Region = gone
			f.SetFaults([]fakeaws.Fault{fault})
			earlier := f.report(f.gather(t, f.options()), f.rules())
			earlier.Scope.AllRegions = true
			f.SetFaults(nil)
			setRegion(t, f, gone, "DISABLED")
			o := f.options()
			for range 2 {
				awstest.Must(t, CanResume(earlier, o.Scope, Filter{}))
				o.Earlier = earlier
				g := f.gather(t, o)
				if len(g.Unreachable) != 2 || !slices.Contains(g.Regions, gone) || g.Stopped {
					t.Fatalf("unreachable = %+v, regions = %v, want %s of both accounts", g.Unreachable, g.Regions, gone)
				}
				for _, u := range g.Unreachable {
					if u.Region != gone || strings.Count(u.Reason, notAsked) != 1 {
						t.Errorf("unreachable = %+v, want %s and the reason", u, gone)
					}
				}
				if earlier = f.report(g, f.rules()); !incomplete(earlier) {
					t.Error("the audit is complete, want it incomplete")
				}
				earlier.Scope.AllRegions = true
			}
			setRegion(t, f, gone, "ENABLED")
			o.Earlier = earlier
			if g := f.gather(t, o); len(g.Unreachable) > 0 || len(g.Items) != len(f.Generated.Expected) {
				t.Errorf("unreachable = %+v, %d clusters, want none, and all", g.Unreachable, len(g.Items))
			}
		})
	}
}

func setRegion(t *testing.T, f fleet, name, status string) {
	t.Helper()
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		for i := range w.Regions {
			if w.Regions[i].Name == name {
				w.Regions[i].OptIn = status
			}
		}
	}))
}

// TestResumeInFewerRegions checks that an audit without --regions does not continue one of other regions, also if that
// one could query no account.
func TestResumeInFewerRegions(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 20, Regions: 2, Accounts: 2, Seed: 6})
	o := f.options()
	o.Scope.Regions = []string{"us-east-1", "eu-west-1"}
	earlier := f.report(f.gatherUntil(t, o, 0, nil), f.rules())
	o.Earlier, o.Scope.Regions = earlier, nil
	awstest.Must(t, CanResume(earlier, o.Scope, Filter{}))
	_, err := Gather(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "region eu-west-1 of the earlier report is not in the scope") {
		t.Errorf("error = %v, want one that names the region", err)
	}
}

// TestResumeKeepsTimes checks that each cluster of an audit that was continued, even twice, has the time of the run
// that observed it, so that a later report on the cluster counts when they are merged.
func TestResumeKeepsTimes(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 20, Regions: 3, Accounts: 1, Seed: 6})
	down := func(regions ...string) {
		var faults []fakeaws.Fault
		for _, region := range regions {
			faults = append(faults, fakeaws.Fault{Operation: "ListClusters", Region: region, Status: 503})
		}
		f.SetFaults(faults)
	}
	at := func(hour int, earlier *v1alpha1.AuditReport) *v1alpha1.AuditReport {
		rules, o := f.rules(), f.options()
		rules.Now, o.Earlier = fleetNow.Add(time.Duration(hour)*time.Hour), earlier
		return f.report(f.gather(t, o), rules)
	}
	down(f.Regions[1:]...)
	first := at(1, nil)
	down()
	whole := at(2, nil)
	down(f.Regions[2])
	third := at(4, at(3, first))
	down()
	last := at(5, third)
	hours := map[string]int{f.Regions[0]: 1, f.Regions[1]: 3, f.Regions[2]: 0}
	for _, item := range last.Items {
		var want time.Time
		if hour := hours[item.Cluster.Region]; hour > 0 {
			want = fleetNow.Add(time.Duration(hour) * time.Hour)
		}
		if !item.CreationTimestamp.Time.Equal(want) {
			t.Errorf("time of %s = %s, want %s", item.Cluster.ARN, item.CreationTimestamp, want)
		}
	}

	// Of the clusters that both have, the earlier ones count only if they were observed later.
	for i := range whole.Items {
		whole.Items[i].Encryption.Reason = "of the whole"
	}
	merged := judge(f.rules(), last, whole)
	for range 2 {
		if len(merged.Items) != len(whole.Items) {
			t.Errorf("%d clusters, want %d", len(merged.Items), len(whole.Items))
		}
		for _, item := range merged.Items {
			if got := item.Encryption.Reason == "of the whole"; got != (item.Cluster.Region == f.Regions[0]) {
				t.Errorf("%s is from the whole report: %v, want %v", item.Cluster.ARN, got, !got)
			}
		}
		merged = judge(f.rules(), whole, merged) // as before
	}
}
