package fleet

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

const caller = "arn:aws:iam::100000000001:user/auditor"

// fleet is a generated fleet behind the wire, and its truth.
type fleet struct {
	*fakeaws.Server
	fakeaws.Generated
	clients *awsclient.Clients
}

func newFleet(t testing.TB, o fakeaws.GenerateOptions) fleet {
	t.Helper()
	s := fakeaws.New(fakeaws.Options{})
	t.Cleanup(s.Close)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	g, err := s.AddGenerated(o)
	must(t, err)
	must(t, s.AddPrincipal(fakeaws.Principal{ARN: caller, AccessKeyID: "AKIAAUDIT", SecretAccessKey: "secret", Policy: []fakeaws.Statement{
		fakeaws.Allow("sts:AssumeRole"), fakeaws.Allow("organizations:ListAccounts"),
	}}))
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAAUDIT", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_MAX_ATTEMPTS": "", "AWS_ENDPOINT_URL": "",
	} {
		if t, ok := t.(interface{ Setenv(string, string) }); ok {
			t.Setenv(name, value)
		}
	}
	clients, err := awsclient.New(context.Background(), awsclient.Options{Region: "us-east-1", EndpointURL: h.URL})
	must(t, err)
	return fleet{s, g, clients}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f fleet) options() Options {
	return Options{
		Clients: f.clients, Scope: Scope{Organization: true, Regions: []string{AllRegions}, RoleName: f.RoleName},
		Delay: func(int) time.Duration { return time.Millisecond },
	}
}

func (f fleet) gather(t testing.TB, o Options) *Gathered {
	t.Helper()
	g, err := Gather(context.Background(), o)
	must(t, err)
	return g
}

// allControls decide, with every other key approved.
func (f fleet) rules() Rules {
	r := Rules{Controls: []string{controlEnvelope, controlCMK, controlUsable, controlRotation, controlApproved}, Now: fleetNow}
	for _, truth := range f.Generated.Truths {
		if truth.KeyARN != "" && truth.KeyARN[len(truth.KeyARN)-1]%2 == 0 && !slices.Contains(r.Approved, truth.KeyARN) {
			r.Approved = append(r.Approved, truth.KeyARN)
		}
	}
	return r
}

// fleetNow is the moment that the fleet's dates are counted from.
var fleetNow = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// wantControls are the answers that the truth demands.
func wantControls(f fleet, truth fakeaws.Truth, rules Rules) map[string]v1alpha1.Result {
	const pass, fail, none, unknown = v1alpha1.ResultPass, v1alpha1.ResultFail, v1alpha1.ResultNotApplicable, v1alpha1.ResultUnknown
	want := map[string]v1alpha1.Result{controlUsable: none, controlRotation: none, controlData: none, controlApproved: none}
	switch truth.Verdict {
	case v1alpha1.VerdictNotApplicable:
		want[controlEnvelope], want[controlCMK] = none, none
	case v1alpha1.VerdictNotEncrypted:
		want[controlEnvelope], want[controlCMK] = fail, fail
	case v1alpha1.VerdictAWSOwnedKey:
		want[controlEnvelope], want[controlCMK] = pass, fail
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
		f.View(func(w *fakeaws.World) { origin = w.Keys[truth.KeyARN].Origin })
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

// check holds a report against the truth: each cluster that can be asked, with each
// of its controls, and nothing else.
func (f fleet) check(t *testing.T, r *v1alpha1.AuditReport, rules Rules) {
	t.Helper()
	items := byIdentity(r.Items)
	wrong := 0
	for _, truth := range f.Generated.Truths {
		item := items[truth.ARN]
		if truth.Unreachable != "" {
			if item != nil {
				t.Errorf("%s can't be asked (%s), and is in the report as %s", truth.ARN, truth.Unreachable, item.Encryption.Verdict)
			}
			if !hidden(r, &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Account: truth.Account, Region: truth.Region}}) {
				t.Errorf("%s can't be asked (%s), and no line says so", truth.ARN, truth.Unreachable)
			}
			continue
		}
		if item == nil {
			t.Errorf("%s is lost", truth.ARN)
			continue
		}
		delete(items, truth.ARN)
		if item.Encryption.Verdict != truth.Verdict || item.Encryption.Scope != truth.Scope || item.Encryption.KeyARN != truth.KeyARN {
			t.Errorf("%s: %s/%s %s (%s), want %s/%s %s", truth.ARN, item.Encryption.Verdict, item.Encryption.Scope, item.Encryption.KeyARN, item.Encryption.Reason, truth.Verdict, truth.Scope, truth.KeyARN)
		}
		got := map[string]v1alpha1.Result{}
		for _, c := range item.Controls {
			got[c.ID] = c.Result
		}
		for id, want := range wantControls(f, truth, rules) {
			if got[id] != want {
				t.Errorf("%s %s: %s, want %s (truth %+v)", truth.ARN, id, got[id], want, truth)
			}
			if want == v1alpha1.ResultFail && slices.Contains(rules.Controls, id) &&
				!slices.ContainsFunc(r.Findings, func(f v1alpha1.Finding) bool { return f.Cluster == truth.ARN && f.Control == id }) {
				t.Errorf("%s %s: no finding", truth.ARN, id)
			}
		}
		if wrong++; t.Failed() && wrong > 20 {
			t.FailNow()
		}
	}
	for id := range items {
		t.Errorf("%s is in the report, and no such cluster exists", id)
	}
}

// A thousand clusters in 20 regions and 5 accounts: every answer is the truth, and
// few calls are made.
func TestFleet(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 1000, Regions: 20, Accounts: 5, Seed: 1})
	g := f.gather(t, f.options())
	rules := f.rules()
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: fleetNow}, rules)
	f.check(t, r, rules)
	if len(g.Unreachable) > 0 || len(g.Notes) > 0 || len(g.Regions) != 20 || len(g.Accounts) != 5 {
		t.Errorf("unreachable %v, notes %v, %d regions, %d accounts", g.Unreachable, g.Notes, len(g.Regions), len(g.Accounts))
	}

	byCluster, byKey, keyARNs, total := map[string]int{}, map[string]int{}, map[string]bool{}, 0
	for _, truth := range f.Generated.Truths {
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
			t.Errorf("%d calls for cluster %s", n, cluster)
		}
	}
	for key, n := range byKey {
		if n > 2 {
			t.Errorf("%d calls for key %s", n, key)
		}
	}
	if budget := 3*len(f.Generated.Truths) + 2*len(keyARNs); total > budget {
		t.Errorf("%d calls, more than %d", total, budget)
	}
	if n := f.MaxInFlight(); n > DefaultMaxConcurrency {
		t.Errorf("%d calls at one time", n)
	}
	t.Logf("%d calls for %d clusters and %d keys", total, len(f.Generated.Truths), len(keyARNs))
}

// Throttling loses nothing, and what is down or denied hides nothing else.
func TestFleetInTrouble(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 400, Regions: 20, Accounts: 5, Seed: 2, Throttle: 0.2, RegionsDown: 1, AccountsDenied: 1, Hostile: true})
	o := f.options()
	throttled := make(chan int, 1)
	throttled <- 0
	o.Progress = func(p Progress) { n := <-throttled; throttled <- max(n, p.Throttled) }
	g := f.gather(t, o)
	rules := f.rules()
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: fleetNow}, rules)
	f.check(t, r, rules)
	if n := <-throttled; n == 0 {
		t.Error("nothing was throttled")
	}
	if len(g.Unreachable) != 5 { // one region in each of four accounts, and one account
		t.Errorf("unreachable: %+v", g.Unreachable)
	}
	for _, u := range g.Unreachable {
		if u.Reason == "" {
			t.Errorf("no reason: %+v", u)
		}
	}
	if r.Summary.Outcome != v1alpha1.OutcomeFinding {
		t.Errorf("outcome %s", r.Summary.Outcome)
	}
}
