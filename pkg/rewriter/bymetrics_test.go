package rewriter

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// TestVerifyByMetrics compares the report with the storage. The reads of others, a
// restart and missing metrics may cost the proof, but never make one.
func TestVerifyByMetrics(t *testing.T) {
	tests := []struct {
		name           string
		current, stale int
		setup          func(f *fake)
		verdict        v1alpha1.CoverageVerdict
		want           int64 // current
		shown          int64 // stale
		fails          bool
	}{
		{name: "all current", current: 1200, verdict: v1alpha1.CoverageProven, want: 1200},
		{name: "half stale", current: 600, stale: 600, verdict: v1alpha1.CoverageStale, want: 600, shown: 600},
		{
			name: "others read stale objects", current: 100, setup: others(oldKey, 1),
			verdict: v1alpha1.CoverageNotProven, want: 0,
		},
		{
			name: "others read current objects", current: 50, stale: 50, setup: others(newKey, 1),
			verdict: v1alpha1.CoverageNotProven, want: 50,
		},
		{
			name: "the server restarts all the time", current: 100, verdict: v1alpha1.CoverageNotProven,
			setup: func(f *fake) {
				f.intercept = func(int, http.ResponseWriter, *http.Request) bool {
					f.mu.Lock()
					f.servers[0].started++
					f.mu.Unlock()
					return false
				}
			},
		},
		{
			name: "no right on the metrics", current: 100, fails: true, verdict: v1alpha1.CoverageIncomplete,
			setup: func(f *fake) { f.noMetrics(true) },
		},
		{
			name: "no right on the Leases", current: 100, verdict: v1alpha1.CoverageNotProven, want: 100,
			setup: func(f *fake) { f.leases = nil },
		},
		{
			name: "another server lags", current: 100, fails: true, verdict: v1alpha1.CoverageIncomplete,
			setup: func(f *fake) {
				f.addServer().lags = true
				f.balance = func(n int) int { return n % 2 }
			},
		},
		{
			name: "another server is not reached", current: 100, verdict: v1alpha1.CoverageNotProven, want: 100,
			setup: func(f *fake) { f.addServer() },
		},
		{
			name: "two servers", current: 700, stale: 20, verdict: v1alpha1.CoverageStale, want: 700, shown: 20,
			setup: func(f *fake) {
				f.addServer()
				f.balance = func(n int) int { return n * n % 7 % 2 }
			},
		},
		{
			name: "a proxy that pools", current: 100, verdict: v1alpha1.CoverageNotProven, want: 0,
			setup: func(f *fake) {
				f.addServer()
				f.pool = true
			},
		},
		{
			name: "a proxy that pools, and the servers have one address, and others read", current: 300, stale: 900,
			verdict: v1alpha1.CoverageNotProven, want: 0,
			setup: func(f *fake) {
				others(newKey, 2)(f)
				f.addServer()
				f.pool, f.oneAddress = true, true
			},
		},
		{
			name: "connections break, and lead to another server", current: 600, stale: 600,
			verdict: v1alpha1.CoverageStale, want: 600, shown: 600,
			setup: func(f *fake) {
				f.addServer()
				f.balance = func(n int) int { return n / 6 % 2 }
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					return n == 600 && breakConnection(w)
				}
			},
		},
		{
			name: "the only server lags", stale: 100, verdict: v1alpha1.CoverageNotProven, want: 100,
			setup: func(f *fake) { f.servers[0].lags = true },
		},
	}
	for _, test := range tests {
		f := newFake(t)
		f.secrets("c", test.current, newKey)
		f.secrets("s", test.stale, oldKey)
		if test.setup != nil {
			test.setup(f)
		}
		o := options(f, v1alpha1.MethodMetrics)
		o.Sleep = noSleep
		before := f.rev
		result, err := Run(t.Context(), o)
		if (err != nil) != test.fails {
			t.Errorf("%s: Run = %v, want an error: %v", test.name, err, test.fails)
		}
		if f.rev != before || f.writes != 0 || len(f.patches) > 0 {
			t.Errorf("%s: the run wrote: %d, %v", test.name, f.writes, f.patches)
		}
		checkSum(t, result)
		r := result.Report
		got := r.Resources[0]
		if r.Verdict != test.verdict || got.Current != test.want || got.Stale != test.shown {
			t.Errorf("%s: report = %s, %d current, %d stale; want %s, %d, %d: %s %+v", test.name, r.Verdict, got.Current,
				got.Stale, test.verdict, test.want, test.shown, r.Statement, r.Servers)
		}
	}
}

// breakConnection ends the connection without a response.
func breakConnection(w http.ResponseWriter) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	return err == nil && conn.Close() == nil
}

// TestByMetricsConnections checks that several connections to one server share the reads, so that
// a distant cluster takes less time, and that all of them are counted.
func TestByMetricsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, latency = 2000, 40 * time.Millisecond
		f := newFake(t)
		f.addServer()
		f.balance = func(i int) int { return i % 2 }
		f.secrets("c", n, newKey)
		f.latency = latency
		started := time.Now()
		r := must(t, options(f, v1alpha1.MethodMetrics)).Report
		if took := time.Since(started); took > n*latency/4 {
			t.Errorf("%d objects took %s, want a quarter of the time of one after the other", n, took)
		}
		if r.Verdict != v1alpha1.CoverageProven || r.Resources[0].Current != n {
			t.Errorf("report = %s, %+v, want Proven", r.Verdict, countsOf(r.Resources[0]))
		}
	})
}

// others simulates other clients, that read objects of a key at each of our reads.
func others(key string, reads float64) func(*fake) {
	return func(f *fake) {
		f.intercept = func(int, http.ResponseWriter, *http.Request) bool {
			f.mu.Lock()
			f.servers[0].reads[key] += reads
			f.mu.Unlock()
			return false
		}
	}
}

func TestBounds(t *testing.T) {
	oldHash, newHash := apiserver.Key{Hash: "old"}, apiserver.Key{Hash: "new"}
	m := func(started, old, current, plain float64) *apiserver.Metrics {
		return &apiserver.Metrics{Server: "s", Started: started,
			Reads: map[apiserver.Key]float64{oldHash: old, newHash: current}, Plain: map[string]float64{"": plain}}
	}
	other := m(1, 0, 10, 0)
	other.Server = "t"
	noOld := m(1, 0, 110, 0)
	delete(noOld.Reads, oldHash)
	tests := []struct {
		name          string
		before, after *apiserver.Metrics
		want          bounds
	}{
		{"all current", m(1, 5, 10, 0), m(1, 5, 110, 0), bounds{100, 0}},
		{"all stale", m(1, 5, 10, 0), m(1, 105, 10, 0), bounds{0, 100}},
		{"half", m(1, 5, 10, 0), m(1, 55, 60, 0), bounds{50, 50}},
		{"half, and others read", m(1, 5, 10, 0), m(1, 65, 80, 0), bounds{40, 30}},
		{"plain text", m(1, 5, 10, 0), m(1, 5, 80, 30), bounds{70, 30}},
		{"reads are not counted", m(1, 5, 10, 0), m(1, 5, 60, 0), bounds{}},
		{"restarted", m(1, 5, 10, 0), m(2, 5, 110, 0), bounds{}},
		{"a counter went down", m(1, 5, 10, 0), m(1, 4, 110, 0), bounds{}},
		{"a counter is gone", m(1, 0, 10, 0), noOld, bounds{}},
		{"another server", other, m(1, 5, 110, 0), bounds{}},
		{"no second page", m(1, 5, 10, 0), nil, bounds{}},
		{"no start time", m(0, 5, 10, 0), m(0, 5, 110, 0), bounds{}},
	}
	for _, test := range tests {
		if got := (bracketed{100, test.before, test.after}).bounds(newHash); got != test.want {
			t.Errorf("%s: bounds = %+v, want %+v", test.name, got, test.want)
		}
	}
}

// TestByMetricsWaitsForRenewal checks that a server whose last write was with the old key gets the time to renew its
// Lease.
func TestByMetricsWaitsForRenewal(t *testing.T) {
	f := newFake(t)
	f.secrets("c", 100, newKey)
	quiet := f.addServer()
	quiet.lags = true
	f.balance = func(n int) int { return n % 2 }
	o := options(f, v1alpha1.MethodMetrics)
	o.Sleep = func(context.Context, time.Duration) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		quiet.lags = false
		return nil
	}
	result, err := Run(t.Context(), o)
	if err != nil || result.Report.Verdict != v1alpha1.CoverageProven {
		t.Errorf("Run = %v, report = %+v, want Proven", err, result.Report)
	}
}

// The key changes after the reads of the first resource, and the run ends early: what was counted then does not
// count.
func TestMetricsRunEndsEarly(t *testing.T) {
	for _, interrupted := range []bool{false, true} {
		f := newFake(t)
		if !interrupted {
			f.addServer().lags = true
			f.balance = func(n int) int { return n % 2 }
		}
		f.secrets("a", 60, oldKey)
		f.put("widgets", "default", "w", oldKey)
		f.servers[0].lags = true
		ctx, cancel := context.WithCancel(t.Context())
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/secrets/a-00059"):
				f.mu.Lock()
				f.servers[len(f.servers)-1].lags = false
				f.mu.Unlock()
			case interrupted && strings.HasSuffix(r.URL.Path, "/widgets/w"):
				cancel()
			}
			return false
		}
		o := options(f, v1alpha1.MethodMetrics)
		o.Sleep = noSleep
		o.Resources = []Resource{Secrets(), {Namespaced: true, GroupVersionResource: schema.GroupVersionResource{
			Group: "example.com", Version: "v1", Resource: "widgets",
		}}}
		result, err := Run(ctx, o)
		r := result.Report
		if err == nil || r.Resources[0].Current > 0 || !strings.Contains(r.Statement, "not proven that any") ||
			!strings.Contains(r.Statement, "ended before the API servers named their write key again") {
			t.Errorf("interrupted %t: %v, %+v, %s", interrupted, err, r.Resources[0], r.Statement)
		}
		cancel()
		f.close()
	}
}

// TestOneResourceIsForbidden checks that a resource that cannot be listed does not hide what the others showed, unless
// the key has changed since.
func TestOneResourceIsForbidden(t *testing.T) {
	for _, changes := range []bool{false, true} {
		f := newFake(t)
		f.secrets("a", 60, newKey)
		f.secrets("s", 40, oldKey)
		widgets := schema.GroupResource{Group: "example.com", Resource: "widgets"}
		refuse := deny("/widgets", apierrors.NewForbidden(widgets, "",
			errors.New(`User "u" cannot list resource "widgets" in API group "example.com"`)))
		f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if changes && strings.HasSuffix(r.URL.Path, "/widgets") {
				f.mu.Lock()
				f.servers[0].lags = true
				f.mu.Unlock()
			}
			return refuse(n, w, r)
		}
		o := options(f, v1alpha1.MethodMetrics)
		o.Sleep = noSleep
		o.Resources = []Resource{Secrets(), {Namespaced: true, GroupVersionResource: widgets.WithVersion("v1")}}
		result, err := Run(t.Context(), o)
		r := result.Report
		secrets, want, verdict := r.Resources[0], [2]int64{40, 60}, v1alpha1.CoverageStale
		if changes {
			want, verdict = [2]int64{}, v1alpha1.CoverageIncomplete
		}
		if err == nil || [2]int64{secrets.Stale, secrets.Current} != want || r.Verdict != verdict {
			t.Errorf("changes %t: Run = %v, %s: %s, %+v", changes, err, r.Verdict, r.Statement, secrets)
		}
	}
}
