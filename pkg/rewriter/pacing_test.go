package rewriter

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestPacing(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name           string
		maxConcurrency int
		distance       time.Duration
		ceiling        int
		tolerance      float64
		load           float64
	}{
		{"the default", DefaultMaxConcurrency, 0, 64, gentleTolerance, 0},
		{"the default, near", DefaultMaxConcurrency, ms, 64, gentleTolerance, 0},
		{"the default, far away", DefaultMaxConcurrency, 40 * ms, 64, gentleTolerance, distantLoad},
		{"a low concurrency", 4, ms, 4, gentleTolerance, 0},
		{"a low concurrency, far away", 4, 40 * ms, 4, gentleTolerance, distantLoad},
		{"little more than the default", DefaultMaxConcurrency + 1, 40 * ms, untriedConcurrency, gentleTolerance, 0},
		{"a wish for speed", 2 * DefaultMaxConcurrency, 0, untriedConcurrency, 8, 0},
		{"all speed", 8 * DefaultMaxConcurrency, 0, untriedConcurrency, 512, 0},
		{"all speed, far away", 8 * DefaultMaxConcurrency, 40 * ms, untriedConcurrency, 512, 0},
	}
	for _, test := range tests {
		got := pacing(test.maxConcurrency, test.distance)
		if got.Ceiling != test.ceiling || got.Tolerance != test.tolerance || got.Load != test.load {
			t.Errorf("%s: ceiling, tolerance, load = %d, %g, %g, want %d, %g, %g", test.name,
				got.Ceiling, got.Tolerance, got.Load, test.ceiling, test.tolerance, test.load)
		}
		if got.Distance != test.distance {
			t.Errorf("%s: distance = %s, want %s", test.name, got.Distance, test.distance)
		}
	}
}

// TestClosingWritesBeginSlowly checks that the closing writes begin with a measurement of the idle server, and
// not with as many at the same time as the slower ones before them.
func TestClosingWritesBeginSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const objects, first = 1500, 12
		f := newFake(t)
		f.secrets("a", objects, oldKey)
		writes := map[string]int{} // by path
		var again, inFlight, most int
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			f.mu.Lock()
			writes[r.URL.Path]++
			closing := len(writes) == objects && writes[r.URL.Path] > 1
			if inFlight++; closing && again < first {
				again++
				most = max(most, inFlight)
			}
			f.mu.Unlock()
			time.Sleep(20 * time.Millisecond) // however many are in flight
			f.mu.Lock()
			inFlight--
			f.mu.Unlock()
			return false
		}
		must(t, options(f, v1alpha1.MethodRewrite))
		if again != first || most > 4 {
			t.Errorf("in flight among the first %d closing writes = %d, want at most 4", again, most)
		}
	})
}
