package rewriter

import (
	"testing"
	"time"
)

// A page grows only if the next one, pageGrowth times as large and with objects alike, stays below the limits.
func TestPageSize(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name        string
		size, bytes int
		took        time.Duration
		want        int
	}{
		{"quick", firstPage, 16 << 10, 50 * ms, 1000},
		{"quick at the other end of the world", firstPage, 16 << 10, 450 * ms, 1000},
		{"not quick", firstPage, 16 << 10, fastPage, firstPage},
		{"long names", firstPage, lightPage, 50 * ms, firstPage},
		{"almost the largest", 1500, 100 << 10, 50 * ms, largestPage},
		{"the largest", largestPage, 240 << 10, 50 * ms, largestPage},
		{"larger after the list expired", 3 * largestPage, 100 << 10, 50 * ms, 3 * largestPage},
		{"at the limit", 1000, 60 << 10, slowPage, 1000},
		{"slow", 1000, 60 << 10, slowPage + ms, 500},
		{"heavy", 1000, heavyPage + 1, 50 * ms, 500},
		{"slow and small", 30, 2 << 10, slowPage + ms, smallPage},
		{"slow and smallest", smallPage, 2 << 10, slowPage + ms, smallPage},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := nextPageSize(test.size, test.bytes, test.took); got != test.want {
				t.Errorf("nextPageSize(%d, %d, %s) = %d, want %d", test.size, test.bytes, test.took, got, test.want)
			}
		})
	}
	if pageGrowth*fastPage > slowPage || pageGrowth*lightPage > heavyPage {
		t.Error("a quick and light page may be followed by a slow or heavy one with objects alike")
	}
}
