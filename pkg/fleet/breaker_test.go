package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// impatient returns clients with a short request timeout.
func (f fleet) impatient(t *testing.T, timeout time.Duration) fleet {
	t.Helper()
	endpoints := f.clients.Endpoints()
	clients, err := new(awsclient.Pool).New(t.Context(), awsclient.Options{
		Region: "us-east-1", EndpointURL: endpoints[0].URL, RequestTimeout: timeout,
	})
	awstest.Must(t, err)
	f.clients = clients
	return f
}

// TestBreaker checks that an endpoint that fails in several accounts is given up for the others, that they are named,
// and that the audit can be resumed.
func TestBreaker(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 240, Regions: 3, Accounts: 12, Seed: 6})
	f = f.impatient(t, 2*time.Second)
	down := f.Regions[1]
	for name, test := range map[string]struct {
		fault fakeaws.Fault
		opens bool
	}{
		"hangs":           {fakeaws.Fault{Service: "eks", Region: down, Latency: time.Hour}, true},
		"refuses":         {fakeaws.Fault{Service: "eks", Region: down, Status: -1}, true},
		"fails":           {fakeaws.Fault{Service: "eks", Region: down, Status: 503}, true},
		"denies":          {fakeaws.Fault{Service: "eks", Region: down, Status: 403, Code: "AccessDeniedException"}, false},
		"throttles":       {fakeaws.Fault{Service: "eks", Region: down, Status: 429, Rate: 0.5}, false},
		"fails sometimes": {fakeaws.Fault{Service: "eks", Region: down, Status: 503, Rate: 0.2}, false},
		"one account": {fakeaws.Fault{Service: "eks", Region: down, Account: f.Accounts[3], Status: 503},
			false},
	} {
		t.Run(name, func(t *testing.T) {
			f.SetFaults([]fakeaws.Fault{test.fault})
			f.ResetRequests()
			g := f.gather(t, f.options())
			var givenUp []string
			for _, u := range g.Unreachable {
				if strings.Contains(u.Reason, "EKS in "+down+" did not answer in 3 accounts; not tried again in this audit") {
					givenUp = append(givenUp, u.Account)
				}
				if u.Region != down {
					t.Errorf("%+v is unreachable, want only %s", u, down)
				}
			}
			// The first accounts may have failed on their own before.
			opened := len(givenUp) >= len(f.Accounts)-breakerAccounts
			if opened != test.opens || opened && len(g.Unreachable) != len(f.Accounts) || !opened && len(givenUp) > 0 {
				t.Errorf("given up in %d accounts, unreachable in %d; want all: %v", len(givenUp), len(g.Unreachable), test.opens)
			}
			calls := 0
			for _, r := range f.Requests() {
				if r.Service == "eks" && r.Region == down {
					calls++
				}
			}
			// Go's HTTP client repeats a GET on its own if a connection was dropped.
			if test.opens && test.fault.Status != -1 && calls > 6*breakerAccounts {
				t.Errorf("%d calls to the region, want at most %d", calls, 6*breakerAccounts)
			}
			if !test.opens {
				return
			}
			f.SetFaults(nil)
			f.ResetRequests()
			o := f.options()
			o.Earlier = f.report(g, f.rules())
			again := f.gather(t, o)
			if len(again.Unreachable) > 0 || len(again.Items) != len(f.Generated.Expected) {
				t.Errorf("resumed: %d clusters, unreachable %v; want %d, none", len(again.Items), again.Unreachable,
					len(f.Generated.Expected))
			}
			for _, r := range f.Requests() {
				if r.Service == "eks" && r.Region != down {
					t.Errorf("%s in %s was called again", r.Operation, r.Region)
				}
			}
		})
	}
}

// TestBreakerOfKMS checks that clusters stay in the report without the facts of their key if KMS does not answer, and
// that only these are queried again.
func TestBreakerOfKMS(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 200, Regions: 2, Accounts: 5, Seed: 7})
	f = f.impatient(t, 2*time.Second)
	f.SetFaults([]fakeaws.Fault{{Service: "kms", Region: f.Regions[0], Latency: time.Hour}})
	g := f.gather(t, f.options())
	if len(g.Items) != len(f.Generated.Expected) {
		t.Errorf("%d clusters, want %d", len(g.Items), len(f.Generated.Expected))
	}
	var again []string
	for _, u := range g.Unreachable {
		if u.Region != f.Regions[0] || !strings.Contains(u.Reason, "KMS in "+f.Regions[0]+" did not answer in 3 accounts") {
			t.Errorf("unreachable: %+v", u)
		}
		again = append(again, u.Clusters...)
	}
	if len(again) == 0 {
		t.Fatal("no cluster is listed for its key")
	}
	f.SetFaults(nil)
	f.ResetRequests()
	o := f.options()
	o.Earlier = f.report(g, f.rules())
	whole := f.gather(t, o)
	if len(whole.Items) != len(f.Generated.Expected) || len(whole.Unreachable) > 0 {
		t.Errorf("resumed: %d clusters, unreachable %+v", len(whole.Items), whole.Unreachable)
	}
	for cluster := range f.described() {
		if !slices.Contains(again, cluster) {
			t.Errorf("%s was described again", cluster)
		}
	}
}

// TestBreakerRecovers checks that an endpoint that answers again during the audit loses no cluster.
func TestBreakerRecovers(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 100, Regions: 3, Accounts: 5, Seed: 8})
	f = f.impatient(t, 2*time.Second)
	f.SetFaults([]fakeaws.Fault{
		{Service: "eks", Region: f.Regions[2], Latency: time.Hour, Times: breakerAccounts},
		{Service: "eks", Latency: 100 * time.Millisecond},
	})
	o := f.options()
	o.MaxConcurrency, o.ProbeInterval = 4, 50*time.Millisecond
	g := f.gather(t, o)
	if len(g.Items) != len(f.Generated.Expected) || len(g.Unreachable) > 0 {
		t.Errorf("%d of %d clusters, unreachable %+v; want all", len(g.Items), len(f.Generated.Expected), g.Unreachable)
	}
}
