package rewriter

import (
	"testing"
	"time"
)

func TestTolerance(t *testing.T) {
	tests := []struct {
		name           string
		maxConcurrency int
		distance       time.Duration
		want           float64
	}{
		{"the default", DefaultMaxConcurrency, 0, gentleTolerance},
		{"the default, far away", DefaultMaxConcurrency, 40 * time.Millisecond, distantTolerance},
		{"near", DefaultMaxConcurrency, time.Millisecond, gentleTolerance},
		{"a low concurrency", 4, time.Millisecond, gentleTolerance},
		{"a low concurrency, far away", 4, 40 * time.Millisecond, distantTolerance},
		{"a wish for speed", 2 * DefaultMaxConcurrency, 0, 8},
		{"all speed", 8 * DefaultMaxConcurrency, 0, 512},
		{"all speed, far away", 8 * DefaultMaxConcurrency, 40 * time.Millisecond, 512},
		{"little more than the default", DefaultMaxConcurrency + 1, 40 * time.Millisecond, gentleTolerance},
	}
	for _, test := range tests {
		if got := tolerance(test.maxConcurrency, test.distance); got != test.want {
			t.Errorf("%s: tolerance = %g, want %g", test.name, got, test.want)
		}
	}
}
