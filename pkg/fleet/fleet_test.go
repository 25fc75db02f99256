package fleet

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// caller is a user of the first generated account.
const caller = "arn:aws:iam::100000000001:user/auditor"

// fleet is a generated fleet on the fake AWS, with the expected answers.
type fleet struct {
	*fakeaws.Server
	fakeaws.Generated
	clients *awsclient.Clients
}

func newFleet(t testing.TB, o fakeaws.GenerateOptions) fleet {
	t.Helper()
	s, config := awstest.New(t)
	g, err := s.AddGenerated(o)
	awstest.Must(t, err)
	awstest.Must(t, s.AddPrincipal(fakeaws.Principal{
		ARN: caller, AccessKeyID: "AKIAAUDIT", SecretAccessKey: "secret",
		Policy: []fakeaws.Statement{fakeaws.Allow("sts:AssumeRole"), fakeaws.Allow("organizations:List*")},
	}))
	awstest.ClearEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAAUDIT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	clients, err := new(awsclient.Pool).New(t.Context(), awsclient.Options{
		Region: "us-east-1", EndpointURL: *config.BaseEndpoint,
	})
	awstest.Must(t, err)
	return fleet{s, g, clients}
}

func (f fleet) options() Options {
	return Options{
		Clients: f.clients,
		Scope:   Scope{Organization: true, Regions: []string{AllRegions}, RoleName: f.RoleName},
		Delay:   func(int) time.Duration { return time.Millisecond },
	}
}

func (f fleet) gather(t testing.TB, o Options) *Gathered {
	t.Helper()
	g, err := Gather(context.Background(), o)
	awstest.Must(t, err)
	return g
}

// rules enforces all controls except ENC-5, with every second key approved.
func (f fleet) rules() Rules {
	r := Rules{
		Controls: []string{controlEnvelope, controlCMK, controlUsable, controlRotation, controlApproved},
		Now:      fleetNow,
	}
	for _, truth := range f.Generated.Expected {
		key := truth.KeyARN
		if key != "" && key[len(key)-1]%2 == 0 && !slices.Contains(r.Approved, key) {
			r.Approved = append(r.Approved, key)
		}
	}
	return r
}

// fleetNow is the reference time of the generated dates.
var fleetNow = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// wantControls returns the expected results of the controls.
func wantControls(f fleet, truth fakeaws.Expected, rules Rules) map[string]v1alpha1.Result {
	const (
		pass, fail    = v1alpha1.ResultPass, v1alpha1.ResultFail
		none, unknown = v1alpha1.ResultNotApplicable, v1alpha1.ResultUnknown
	)
	want := map[string]v1alpha1.Result{
		controlUsable: none, controlRotation: none, controlData: none, controlApproved: none,
	}
	switch truth.Verdict {
	case v1alpha1.VerdictNotApplicable:
		want[controlEnvelope], want[controlCMK] = none, none
	case v1alpha1.VerdictNotEncrypted:
		want[controlEnvelope], want[controlCMK], want[controlApproved] = fail, fail, fail
	case v1alpha1.VerdictAWSOwnedKey:
		want[controlEnvelope], want[controlCMK], want[controlApproved] = pass, fail, fail
	case v1alpha1.VerdictCustomerManagedKey:
		want[controlEnvelope], want[controlCMK], want[controlData] = pass, pass, unknown
		switch {
		case len(truth.HealthCodes) > 0:
			want[controlUsable] = fail
		case !truth.KeyReadable:
			want[controlUsable] = unknown
		case truth.KeyState == "Enabled":
			want[controlUsable] = pass
		default:
			want[controlUsable] = fail
		}
		origin := ""
		f.View(func(w *fakeaws.State) { origin = w.Keys[truth.KeyARN].Origin })
		switch {
		case !truth.KeyReadable:
			want[controlRotation] = unknown
		case origin == "EXTERNAL":
			want[controlRotation] = none
		case truth.RotationOn:
			want[controlRotation] = pass
		default:
			want[controlRotation] = fail
		}
		want[controlApproved] = fail
		if slices.Contains(rules.Approved, truth.KeyARN) {
			want[controlApproved] = pass
		}
	}
	return want
}

// check compares a report with the expected answers: exactly the clusters that can be
// queried, with the expected result for each control.
func (f fleet) check(t *testing.T, r *v1alpha1.AuditReport, rules Rules) {
	t.Helper()
	items := byIdentity(r.Items)
	wrong := 0
	for _, truth := range f.Generated.Expected {
		item := items[truth.ARN]
		if truth.Unreachable != "" {
			if item != nil {
				t.Errorf("%s is unreachable (%s) but in the report as %s",
					truth.ARN, truth.Unreachable, item.Encryption.Verdict)
			}
			at := v1alpha1.Cluster{Account: truth.Account, Region: truth.Region}
			if !unreachable(r, &v1alpha1.EncryptionReport{Cluster: at}) {
				t.Errorf("%s is unreachable (%s) but not listed in Unreachable", truth.ARN, truth.Unreachable)
			}
			continue
		}
		if item == nil {
			t.Errorf("%s is missing in the report", truth.ARN)
			continue
		}
		delete(items, truth.ARN)
		if e := item.Encryption; e.Verdict != truth.Verdict || e.Scope != truth.Scope || e.KeyARN != truth.KeyARN {
			t.Errorf("%s: %s/%s %s (%s), want %s/%s %s", truth.ARN, e.Verdict, e.Scope, e.KeyARN, e.Reason,
				truth.Verdict, truth.Scope, truth.KeyARN)
		}
		got := map[string]v1alpha1.Result{}
		for _, c := range item.Controls {
			got[c.ID] = c.Result
		}
		for id, want := range wantControls(f, truth, rules) {
			if got[id] != want {
				t.Errorf("%s %s = %s, want %s (%+v)", truth.ARN, id, got[id], want, truth)
			}
			if want == v1alpha1.ResultFail && slices.Contains(rules.Controls, id) &&
				!findingIndex(r.Findings)[findingKey{truth.ARN, id}] {
				t.Errorf("%s %s: no finding, want one", truth.ARN, id)
			}
		}
		if wrong++; t.Failed() && wrong > 20 {
			t.FailNow()
		}
	}
	for id := range items {
		t.Errorf("%s is in the report but does not exist", id)
	}
}

// TestFleet checks the report of a thousand clusters in 20 regions and 5 accounts, and that
// few calls are made.
func TestFleet(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 1000, Regions: 20, Accounts: 5, Seed: 1})
	g := f.gather(t, f.options())
	rules := f.rules()
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: fleetNow}, rules)
	f.check(t, r, rules)
	if len(g.Unreachable) > 0 || len(g.Notes) > 0 || len(g.Regions) != 20 || len(g.Accounts) != 5 {
		t.Errorf("unreachable = %v, notes = %v, %d regions, %d accounts; want none, none, 20, 5",
			g.Unreachable, g.Notes, len(g.Regions), len(g.Accounts))
	}

	byCluster, byKey, keyARNs, total := map[string]int{}, map[string]int{}, map[string]bool{}, 0
	for _, truth := range f.Generated.Expected {
		if truth.KeyARN != "" {
			keyARNs[truth.KeyARN] = true
		}
	}
	for _, request := range f.Requests() {
		total++
		switch {
		case request.Cluster != "":
			byCluster[request.Account+"/"+request.Region+"/"+request.Cluster]++
		case request.KeyID != "":
			byKey[request.KeyID]++
		}
	}
	for cluster, n := range byCluster {
		if n > 1 {
			t.Errorf("%d calls for cluster %s, want at most 1", n, cluster)
		}
	}
	for key, n := range byKey {
		if n > 3 {
			t.Errorf("%d calls for key %s, want at most 3", n, key)
		}
	}
	if budget := 3*len(f.Generated.Expected) + 2*len(keyARNs); total > budget {
		t.Errorf("%d calls, want at most %d", total, budget)
	}
	if n := f.MaxInFlight(); n > DefaultMaxConcurrency {
		t.Errorf("%d concurrent calls, want at most %d", n, DefaultMaxConcurrency)
	}
	t.Logf("%d calls for %d clusters and %d keys", total, len(f.Generated.Expected), len(keyARNs))
}

// TestFleetWithFaults checks that throttling loses no cluster, and that a region or account
// that fails does not affect the others.
func TestFleetWithFaults(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{
		Clusters: 400, Regions: 20, Accounts: 5, Seed: 2,
		Throttle: 0.2, RegionsDown: 1, AccountsDenied: 1, Hostile: true,
	})
	o := f.options()
	throttled := make(chan int, 1)
	throttled <- 0
	o.Progress = func(p Progress) { n := <-throttled; throttled <- max(n, p.Throttled) }
	g := f.gather(t, o)
	rules := f.rules()
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: fleetNow}, rules)
	f.check(t, r, rules)
	if n := <-throttled; n == 0 {
		t.Error("0 throttled calls, want some")
	}
	if len(g.Unreachable) != 5 { // one region in each of four accounts, and one account
		t.Errorf("Unreachable = %+v, want 5 entries", g.Unreachable)
	}
	for _, u := range g.Unreachable {
		if u.Reason == "" {
			t.Errorf("reason of %+v is empty", u)
		}
	}
	if r.Summary.Outcome != v1alpha1.OutcomeFinding {
		t.Errorf("Outcome = %s, want Finding", r.Summary.Outcome)
	}
}
