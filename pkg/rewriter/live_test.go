package rewriter

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestServerThatIsDrained has a server with the old key that takes no new connections, so that --by-metrics never
// reaches it. A controller writes through it, and it ends before the end of the run.
func TestServerThatIsDrained(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 60, newKey)
	old := f.addServer()
	old.lags = true
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/default/secrets/a-00050") && !old.down {
			for _, name := range []string{"a-00000", "a-00001", "a-00002"} {
				o := f.objects["secrets/default/"+name]
				f.store(o)
				o.key = oldKey
			}
			old.end()
		}
		return false
	}
	o := options(f, v1alpha1.MethodMetrics)
	o.Sleep = noSleep
	if r := must(t, o).Report; r.Verdict == v1alpha1.CoverageProven || f.byKey()[oldKey] == 0 {
		t.Errorf("verdict = %s: %s; the storage has %v", r.Verdict, r.Statement, f.byKey())
	}
}

// TestServerRenewsLate has a server that lags, and whose Lease becomes too old between two looks, although it lives.
// It must not be left out of the comparison.
func TestServerRenewsLate(t *testing.T) {
	f := newFake(t)
	late := f.addServer()
	late.lags = true
	for _, s := range f.servers {
		s.wroteBoth = true
	}
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 100, newKey)
	ages := []time.Duration{28500 * time.Millisecond, 32 * time.Second, 26 * time.Second}
	looks := 0
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/leases") {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.leases[late.name] = ages[min(looks, len(ages)-1)]
			looks++
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.Namespace = noSleep, "default"
	if _, err := Run(t.Context(), o); !IsUnsafe(err) || f.movedBack > 1 || f.byKey()[oldKey] > 0 {
		t.Errorf("Run = %v; %d objects were moved back; the storage has %v", err, f.movedBack, f.byKey())
	}
}

// TestSlowServerAtTheEnd has a server whose clock is a minute slow, and which the connections at the end do not reach.
// It lags by then.
func TestSlowServerAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		slow := f.addServer()
		f.secrets("a", 60, newKey)
		started, lists := time.Now(), 0
		f.balance = func(n int) int {
			if lists >= 2 {
				return 0
			}
			return n % 2
		}
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.leases[slow.name] = time.Minute + time.Since(started)%(10*time.Second)
			if listsSecrets(r) {
				lists++
				slow.lags = lists == 2
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Namespace = "default"
		r := must(t, o).Report
		if r.Verdict == v1alpha1.CoverageProven || r.Servers.Live != 2 || r.Servers.Reached != 1 {
			t.Errorf("verdict = %s, servers = %+v, want 2 live and 1 reached: %s", r.Verdict, r.Servers, r.Statement)
		}
		f.close()
	})
}

// TestSlowServerWhenRecorded has a server with a slow clock that lags, and that is not reached when the association is
// recorded. Objects that it writes later do not count.
func TestSlowServerWhenRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		slow := f.addServer()
		slow.lags, f.leases[slow.name] = true, time.Minute
		recordAssociation(t, f)
		f.secrets("b", 10, oldKey)
		r := verify(t, f, func(o *Options) { o.ReadMetadata = true })
		if r.Verdict == v1alpha1.CoverageRecorded {
			t.Errorf("Recorded: %s; the storage has %v", r.Statement, f.byKey())
		}
		f.close()
	})
}

// TestHealthOfAllServers checks that the answer of one server does not count for the KMS plugins of the others.
func TestHealthOfAllServers(t *testing.T) {
	const works, fails, refuses = http.StatusOK, http.StatusInternalServerError, http.StatusForbidden
	yes, no := true, false
	for _, test := range []struct {
		name    string
		status  [2]int // of /readyz/kms-providers, by server
		reached int
		want    *bool
	}{
		{"all work", [2]int{works, works}, 2, &yes},
		{"the first fails", [2]int{fails, works}, 2, &no},
		{"the second fails", [2]int{works, fails}, 2, &no},
		{"one refuses", [2]int{works, refuses}, 2, nil},
		{"one refuses, and the other fails", [2]int{refuses, fails}, 2, &no},
		{"one is not reached", [2]int{works, works}, 1, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.addServer()
			f.balance = func(n int) int { return n % test.reached }
			for i, s := range f.servers {
				s.health = test.status[i]
			}
			found, err := InspectServers(t.Context(), f.restConfig(), "arn:key")
			if err != nil {
				t.Fatal(err)
			}
			if got := found.KMSHealthy; (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("%s: healthy = %v, want %v", test.name, got, test.want)
			}
			f.close()
		})
	}
}
