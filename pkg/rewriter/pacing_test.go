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
		servers        int
		want           float64
	}{
		{"the default", DefaultMaxConcurrency, 0, 1, gentleTolerance},
		{"the default, far away", DefaultMaxConcurrency, 40 * time.Millisecond, 1, distantTolerance},
		{"several servers", DefaultMaxConcurrency, time.Millisecond, 3, severalTolerance},
		{"several servers far away", DefaultMaxConcurrency, 40 * time.Millisecond, 3, distantTolerance},
		{"unidentified servers", DefaultMaxConcurrency, 0, 0, gentleTolerance},
		{"a low concurrency", 4, time.Millisecond, 1, gentleTolerance},
		{"a low concurrency, far away", 4, 40 * time.Millisecond, 1, distantTolerance},
		{"a wish for speed", 2 * DefaultMaxConcurrency, 0, 1, 8},
		{"all speed", 8 * DefaultMaxConcurrency, 0, 1, 512},
		{"all speed, far away", 8 * DefaultMaxConcurrency, 40 * time.Millisecond, 1, 512},
		{"little more than the default", DefaultMaxConcurrency + 1, 40 * time.Millisecond, 1, gentleTolerance},
	}
	for _, test := range tests {
		if got := tolerance(test.maxConcurrency, test.distance, test.servers); got != test.want {
			t.Errorf("%s: tolerance = %g, want %g", test.name, got, test.want)
		}
	}
}
