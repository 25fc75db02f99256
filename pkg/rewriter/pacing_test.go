package rewriter

import (
	"testing"
	"time"
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
