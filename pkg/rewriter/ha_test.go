package rewriter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// balancers choose the API server of a connection.
var balancers = map[string]func(*rand.Rand, int) func(int) int{ //nolint:gochecknoglobals // a table of the tests
	"first":       func(*rand.Rand, int) func(int) int { return func(int) int { return 0 } },
	"round-robin": func(_ *rand.Rand, n int) func(int) int { return func(i int) int { return i % n } },
	"random":      func(r *rand.Rand, n int) func(int) int { return func(int) int { return r.IntN(n) } },
}

// TestSeveralServers runs against two or three API servers, of which one or all lag, or
// catch up, or whose key changes in the middle of the run. No run may claim more than the
// storage shows, or leave an object under an older key than before.
func TestSeveralServers(t *testing.T) {
	faults := []string{"healthy", "one lags", "one lags, readable", "all lag", "catches up", "changes", "rolling"}
	proven := map[string]int{}
	for seed := range uint64(140) {
		random := rand.New(rand.NewPCG(seed, 7))
		fault := faults[int(seed)%len(faults)]
		balancer := []string{"first", "round-robin", "random"}[random.IntN(3)]
		f := newFake(t)
		for range 1 + random.IntN(2) {
			f.addServer()
		}
		f.balance = balancers[balancer](random, len(f.servers))
		stale := 10 + random.IntN(40)
		f.secrets("stale", stale, oldKey)
		before := f.rev
		f.secrets("current", random.IntN(40), newKey)
		lagging := f.servers[random.IntN(len(f.servers))]
		switch fault {
		case "one lags", "catches up":
			lagging.lags, lagging.blind = true, true
		case "one lags, readable":
			lagging.lags = true
		case "all lag", "rolling":
			for _, s := range f.servers {
				s.lags = true
			}
		case "changes":
			f.writeKey = oldKey
		}
		at := 5 + random.IntN(150)
		f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if i := n/at - 1; fault == "rolling" && n%at == 0 && i >= 0 && i < len(f.servers) {
				f.mu.Lock()
				f.servers[i].lags = false
				f.servers[i].started++
				f.mu.Unlock()
			}
			if n == at && fault == "catches up" {
				f.mu.Lock()
				lagging.lags, lagging.blind = false, false
				f.mu.Unlock()
			}
			if n == at && fault == "changes" {
				f.mu.Lock()
				f.writeKey = newKey
				f.mu.Unlock()
			}
			return false
		}
		f.noMetrics(random.IntN(3) == 0)
		o := options(f, []v1alpha1.CoverageMethod{v1alpha1.MethodRewrite, v1alpha1.MethodProbe}[random.IntN(2)])
		o.Patience = time.Second
		o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		if random.IntN(2) == 0 {
			o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(before, 10)}
		}
		name := fmt.Sprintf("seed %d, %s, %d servers, %s", seed, fault, len(f.servers), balancer)
		old := f.byKey()[oldKey]
		result, err := Run(t.Context(), o)
		if result == nil {
			t.Fatalf("%s: Run = %v", name, err)
		}
		checkSum(t, result)
		r := result.Report
		if r.Verdict == v1alpha1.CoverageProven {
			proven[fault]++
			if f.byKey()[oldKey] > 0 {
				t.Errorf("%s: Proven, but the storage has %v: %s %+v", name, f.byKey(), r.Statement, r.Agreement)
			}
		}
		if rec := result.NewRecord(o.Record, "", ""); rec != nil && f.byKey()[oldKey] > 0 {
			t.Errorf("%s: NewRecord = %+v, but the storage has %v", name, rec, f.byKey())
		}
		if fault != "changes" && fault != "all lag" && fault != "rolling" && f.byKey()[oldKey] > old {
			t.Errorf("%s: %d objects have the old key, want at most the %d from before", name, f.byKey()[oldKey], old)
		}
		shown := !f.servers[0].noMetrics && balancer != "first"
		if fault == "healthy" && shown && r.Verdict != v1alpha1.CoverageProven {
			t.Errorf("%s: verdict = %s, want Proven: %s %+v", name, r.Verdict, r.Statement, r.Servers)
		}
		f.close()
	}
	if proven["healthy"] == 0 || proven["one lags"]+proven["one lags, readable"]+proven["all lag"] > 0 {
		t.Errorf("proven runs = %v, want healthy ones and none with a lagging server", proven)
	}
}

// TestServersDiverge lets one of two servers follow an association while objects are written.
// No further write may reach the other one, because it moves objects back to the old key,
// except the writes that show this.
func TestServersDiverge(t *testing.T) {
	for _, at := range []int{60, 80, 100, 140, 180, 220} {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.secrets("a", 100, oldKey)
		f.servers[0].lags, f.servers[1].lags = true, true
		f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if n == at {
				f.mu.Lock()
				f.servers[1].lags = false
				f.mu.Unlock()
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.MaxConcurrency = noSleep, 1
		result, err := Run(t.Context(), o)
		if result == nil || result.Report.Verdict == v1alpha1.CoverageProven {
			t.Fatalf("after %d requests: Run = %+v, %v", at, result, err)
		}
		if f.movedBack > 2 {
			t.Errorf("after %d requests: %d objects were moved back, want at most 2", at, f.movedBack)
		}
	}
}

// TestConfine lets connections lead to a lagging server only after the servers were compared.
// No write may reach it.
func TestConfine(t *testing.T) {
	f := newFake(t)
	f.addServer().lags = true
	var listed atomic.Bool
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/secrets") {
			listed.Store(true)
		}
		return false
	}
	f.balance = func(int) int {
		if listed.Load() {
			return 1
		}
		return 0
	}
	f.secrets("a", 30, newKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.MaxConcurrency = noSleep, streamsPerLane // two connections: the list uses one of them
	_, err := Run(t.Context(), o)
	if !errors.Is(err, errNotReached) || f.writes > 0 {
		t.Errorf("Run = %v with %d writes, want %v and none", err, f.writes, errNotReached)
	}
}

// TestBlindServer has a server that does not know the new key, which its metrics do not show.
// It must be recognized, whichever server is asked first.
func TestBlindServer(t *testing.T) {
	for blind := range 2 {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.put("namespaces", "", "default", oldKey)
		f.put("namespaces", "", "kube-system", oldKey)
		f.secrets("a", 30, oldKey)
		f.servers[blind].lags, f.servers[blind].blind = true, true
		for _, s := range f.servers {
			s.wroteBoth = true
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.Patience = noSleep, time.Second
		if result, err := Run(t.Context(), o); !errors.Is(err, errDisagree) || f.writes > 1 {
			t.Errorf("server %d is blind: Run = %+v, %v with %d writes, want %v and 1", blind, result, err, f.writes,
				errDisagree)
		}
	}
}

// TestNotCompared has a webhook that refuses every write, so that it is unknown whether the
// two servers agree.
func TestNotCompared(t *testing.T) {
	f := newFake(t)
	f.addServer().lags = true
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 30, oldKey)
	for _, s := range f.servers {
		s.wroteBoth = true
	}
	refused := 0
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		refused++
		respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", errors.New("webhook")))
		return true
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	if _, err := Run(t.Context(), o); !errors.Is(err, errNotCompared) || refused > maxCandidates {
		t.Errorf("Run = %v after %d writes, want %v after %d", err, refused, errNotCompared, maxCandidates)
	}
}

// TestAwaitKey runs right after an association. The metrics of a server name the key of its
// last write, which is the old one until the server renews its Lease.
func TestAwaitKey(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodProbe, v1alpha1.MethodMetrics,
	} {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.secrets("a", 30, newKey)
		written := func(key string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, s := range f.servers {
				s.lastWrite = key
			}
		}
		written(oldKey)
		o := options(f, method)
		// The key of the last write is also that from before the association.
		record, err := Record{ClusterARN: "arn:c", KeyARN: "arn:key"}.Before(t.Context(), o.Config, time.Now())
		if err != nil || record.WriteKeyBefore == "" {
			t.Fatalf("Before = %+v, %v", record, err)
		}
		record.ResourceVersionBefore = ""
		o.Record = &record
		o.Sleep = func(ctx context.Context, _ time.Duration) error {
			written("")
			return ctx.Err()
		}
		if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven {
			t.Errorf("%s: verdict = %s, want Proven: %s", method, r.Verdict, r.Statement)
		}
	}
}

// TestServersFollowAtTheEnd lets all servers follow the association while the run waits for the metrics
// to name the key. The metrics then name the new key, but everything was proven under the old one.
func TestServersFollowAtTheEnd(t *testing.T) {
	f := newFake(t)
	f.addServer()
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 30, oldKey)
	for _, s := range f.servers {
		s.lags = true
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = func(ctx context.Context, d time.Duration) error {
		if d == apiserver.Settle {
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, s := range f.servers {
				s.lags = false
			}
		}
		return ctx.Err()
	}
	r := must(t, o).Report
	if old := f.byKey()[oldKey]; r.Verdict == v1alpha1.CoverageProven && old > 0 {
		t.Errorf("Proven, but %d of 30 objects have the old key: %s %+v %+v", old, r.Statement, *r.Servers, *r.Agreement)
	}
	if r.Servers.WriteKey != v1alpha1.WriteKeyMatchesARN {
		t.Errorf("write key = %s, want that of the ARN: the servers did not follow during the run", r.Servers.WriteKey)
	}
}

// noMetrics sets whether the metrics of all servers are not readable.
func (f *fake) noMetrics(hidden bool) {
	for _, s := range f.servers {
		s.noMetrics = hidden
	}
}

// TestMetricsAreNeeded has two servers that nothing distinguishes without their metrics. The error names what helps.
func TestMetricsAreNeeded(t *testing.T) {
	f := newFake(t)
	f.addServer()
	f.secrets("a", 5, newKey)
	f.noMetrics(true)
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	_, err := Run(t.Context(), o)
	if !errors.Is(err, errNotReached) || !strings.Contains(hint.Of(err), "/metrics") {
		t.Errorf("Run = %v, hint %q, want one about /metrics", err, hint.Of(err))
	}
}
