package rewriter

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// TestHangingWebhook checks that namespaces whose webhooks do not respond do not hold up the
// others, and are named. The writes in them fail or succeed in the end.
func TestHangingWebhook(t *testing.T) {
	const fails, slow = "default", "hangs"
	for _, test := range []struct {
		name              string
		hangs             map[string]time.Duration // by namespace
		rewritten, failed int64
		named             []string
	}{
		{"fails", map[string]time.Duration{fails: 10 * time.Second}, 300, 100, []string{"default", "slow.example.com"}},
		{"fails late", map[string]time.Duration{fails: 30 * time.Second}, 300, 100, []string{"default", "slow.example.com"}},
		{"succeeds", map[string]time.Duration{slow: 10 * time.Second}, 400, 0, []string{"hangs"}},
		{"both", map[string]time.Duration{fails: 30 * time.Second, slow: 15 * time.Second}, 400, 100, []string{"hangs"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.put("namespaces", "", slow, newKey)
				for namespace := range test.hangs {
					for i := range 100 {
						f.put("secrets", namespace, fmt.Sprintf("a-%d", i), oldKey)
					}
				}
				for i := range 300 {
					f.put("secrets", "kube-system", fmt.Sprintf("b-%d", i), oldKey)
				}
				var done time.Duration
				started, healthy := time.Now(), 0
				f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPatch {
						return false
					}
					namespace := strings.Split(r.URL.Path, "/")[4]
					if namespace == "kube-system" {
						f.mu.Lock()
						if healthy++; healthy <= 300 {
							done = time.Since(started)
						}
						f.mu.Unlock()
					}
					time.Sleep(test.hangs[namespace])
					if namespace == fails {
						respondError(w, apierrors.NewInternalError(errors.New(
							`failed calling webhook "slow.example.com": context deadline exceeded`)))
					}
					return namespace == fails
				}
				waiting := ""
				o := options(f, v1alpha1.MethodRewrite)
				o.Progress = func(p Progress) { waiting += p.Waiting }
				r := must(t, o).Report.Resources[0]
				if r.Rewritten != test.rewritten || r.Failed != test.failed || done > time.Minute {
					t.Errorf("counts = %+v, the others took %v; want %d rewritten, %d failed, the others within a minute",
						countsOf(r), done, test.rewritten, test.failed)
				}
				for _, name := range test.named {
					if !strings.Contains(waiting, name) {
						t.Errorf("progress does not name %q", name)
					}
				}
				t.Logf("the others took %v, all %v", done, time.Since(started))
			})
		})
	}
}

// TestBusyServer checks that a namespace is not put aside because a single write takes long, or because many
// writes in flight wait for each other.
func TestBusyServer(t *testing.T) {
	for _, test := range []struct {
		name                string
		concurrency, writes int // one of so many writes takes 6 seconds
		latency             time.Duration
	}{
		{"a single write takes long", 64, 2500, 20 * time.Millisecond},
		{"writes take longer than others", 512, 100, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.secrets("a", 4000, oldKey)
				writes := 0
				f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPatch {
						return false
					}
					f.mu.Lock()
					writes++
					late := writes > 1000 && writes%test.writes == 0
					f.mu.Unlock()
					time.Sleep(test.latency)
					if late {
						time.Sleep(6 * time.Second)
					}
					return false
				}
				o := options(f, v1alpha1.MethodRewrite)
				o.MaxConcurrency = test.concurrency
				o.Progress = func(p Progress) {
					if p.Waiting != "" {
						t.Errorf("progress: %s, want no such line", p.Waiting)
					}
				}
				if r := must(t, o).Report.Resources[0]; r.Rewritten != 4000 {
					t.Errorf("counts = %+v, want 4000 rewritten", countsOf(r))
				}
			})
		})
	}
}

// TestDatabaseIsFull checks that a run ends at once, and says whom to ask for help.
func TestDatabaseIsFull(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 2000, oldKey)
	full := 0
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method != http.MethodPatch || f.writes < 500 {
			return false
		}
		full++
		respondError(w, apierrors.NewInternalError(errors.New("etcdserver: mvcc: database space exceeded")))
		return true
	}
	o := options(f, v1alpha1.MethodRewrite)
	result, err := Run(t.Context(), o)
	if !noSpace(err) || !matches(err, "AWS support") {
		t.Errorf("Run = %v, want that the database is full", err)
	}
	checkSum(t, result)
	if full > 100 {
		t.Errorf("requests after the first refusal = %d, want at most 100", full)
	}
}

// TestDatabaseIsAlreadyFull checks that few requests are sent to a full database, also if many may be in
// flight, and the API server refuses nothing until the run meets a stale object.
func TestDatabaseIsAlreadyFull(t *testing.T) {
	for _, concurrency := range []int{64, 512} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.secrets("a", 1500, newKey)
			f.secrets("b", 1500, oldKey)
			f.latency = 20 * time.Millisecond
			full := 0
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/b-") {
					return false
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				full++
				respondError(w, apierrors.NewInternalError(errors.New("etcdserver: mvcc: database space exceeded")))
				return true
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.MaxConcurrency = concurrency
			if _, err := Run(t.Context(), o); !noSpace(err) || full > 100 {
				t.Errorf("Run = %v, %d requests were refused with concurrency %d, want at most 100", err, full, concurrency)
			}
		})
	}
}

// TestGuard checks when a run pauses and when it stops, by the size of the database.
func TestGuard(t *testing.T) {
	now := time.Unix(0, 0)
	resource := Secrets()
	g := &guard{quota: 100, now: func() time.Time { return now }}
	if err := g.begin(&apiserver.Metrics{StorageBytes: 85}, resource, 1); err == nil {
		t.Error("begin at 85 % = nil, want an error")
	}
	g = &guard{quota: 1000, now: func() time.Time { return now }}
	if err := g.begin(&apiserver.Metrics{StorageBytes: 400}, resource, 1); err != nil {
		t.Fatalf("begin at 40 %% = %v", err)
	}
	steps := []struct {
		after  time.Duration
		size   float64
		paused bool
		stops  bool
	}{
		{time.Second, 500, false, false},
		{time.Second, 620, true, false}, // more than half of the space up to 80 %
		{compaction, 620, true, false},
		{time.Second, 620, false, false},
		{time.Second, 700, false, false},
		{time.Second, 720, true, false},
		{time.Second, 800, true, true},
	}
	for i, step := range steps {
		now = now.Add(step.after)
		if err := g.observe(step.size); (err != nil) != step.stops || g.isPaused() != step.paused {
			t.Errorf("step %d: observe(%v) = %v, paused %v; want %+v", i, step.size, err, g.isPaused(), step)
		}
	}
}

// TestSilenceDuringPause has a run that waits for a compaction when the API server no longer responds, or no longer
// names the size of the database. No write is in flight that could fail.
func TestSilenceDuringPause(t *testing.T) {
	for _, responds := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.secrets("a", 3000, oldKey)
			const size = "apiserver_storage_size_bytes "
			f.servers[0].series = size + "1e9\n"
			silent := false
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				switch {
				case silent && !responds:
					return breakConnection(w)
				case silent:
					f.servers[0].series = "process_start_time_seconds 5\n"
				case f.writes > 100 && r.URL.Path == "/metrics":
					f.servers[0].series = size + "2.5e9\n"
					silent = true // from the next request on
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.QPS = 50
			started := time.Now()
			result, err := Run(t.Context(), o)
			if !errors.Is(err, errNoResponse) || result.Report.Verdict != v1alpha1.CoverageIncomplete || !silent {
				t.Errorf("responds %t: Run = %+v, %v, want no response", responds, result, err)
			}
			if took := time.Since(started); took > 15*time.Minute {
				t.Errorf("responds %t: the run took %s", responds, took)
			}
		})
	}
}

// TestObjectSize checks that a run over some of the objects takes their mean size from the
// number of all objects.
func TestObjectSize(t *testing.T) {
	for _, test := range []struct {
		all  float64
		want int
	}{
		{0, 2000},   // not in the metrics
		{10, 2000},  // counted before others were created
		{1000, 200}, // the run has a tenth of the objects
	} {
		g := &guard{quota: DefaultEtcdQuota, now: time.Now}
		m := &apiserver.Metrics{
			StorageBytes: 1 << 20, Sizes: map[string]float64{"secrets": 200_000},
			Objects: map[string]float64{"secrets": test.all},
		}
		if err := g.begin(m, Secrets(), 100); err != nil || g.objectSize != test.want {
			t.Errorf("size of an object with %v in all = %d, %v; want %d", test.all, g.objectSize, err, test.want)
		}
	}
}

// TestSizeOfOtherServer checks that the size of the database is also read if the metrics of one server lack it.
func TestSizeOfOtherServer(t *testing.T) {
	for first := range 2 {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return (n + first) % 2 }
		f.servers[0].series, f.servers[1].series = "broken", "apiserver_storage_size_bytes 7e9\n"
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep = noSleep
		o.complete()
		s, err := findServers(t.Context(), &o, nil)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.scrape(t.Context()); err != nil || m.StorageBytes != 7e9 {
			t.Errorf("server %d first: scrape = %+v, %v, want 7e9 bytes", first, m, err)
		}
		s.close()
	}
}
