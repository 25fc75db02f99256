package main

import (
	"strings"
	"testing"
	"time"
)

// fixture returns a result of three rounds. The numbers of seconds are those for 1000
// objects, and the latencies are in milliseconds.
func fixture(seconds map[string][3]float64, latencies map[string][3]float64) *result {
	r := &result{scenario: scenario{name: "lab", servers: 2}, whole: time.Second}
	for name, all := range seconds {
		r.methods = append(r.methods, method{name: name})
		var rounds []measurement
		for i, s := range all {
			rounds = append(rounds, measurement{
				objects: 1000, took: time.Duration(s * float64(time.Second)),
				p99: time.Duration(latencies[name][i] * float64(time.Millisecond)),
			})
		}
		r.rounds = append(r.rounds, rounds)
	}
	return r
}

func TestAims(t *testing.T) {
	// In the second round the machine is slow, for all methods.
	seconds := map[string][3]float64{
		methodReplace: {4, 8, 4}, methodGentle: {2, 4, 1}, methodLoader: {0.9, 1.8, 0.9}, methodFast: {1, 2, 1.5},
	}
	latencies := map[string][3]float64{
		methodReplace: {10, 30, 10}, methodGentle: {21, 45, 15}, methodLoader: {100, 100, 100}, methodFast: {100, 100, 100},
	}
	r := &report{
		results: []*result{fixture(seconds, latencies)},
		memory:  []measurement{{objects: 20_000, memory: 64 << 20}, {objects: 1_000_000, memory: 161 << 20}},
	}
	want := []struct {
		part    string
		value   string
		reached bool
	}{
		{"p99", "1.5 ×", true},
		{"rate of rewrite,", "2.0 ×", true},
		{"512", "90 %", true},
		{"one secret", "1.00 s", true},
		{"20000", "64 MiB", true},
		{"1000000", "161 MiB", false},
	}
	got := r.aims()
	if len(got) != len(want) {
		t.Fatalf("%d aims, want %d", len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; !strings.Contains(g.name, w.part) || g.text(g.value) != w.value || g.reached() != w.reached {
			t.Errorf("aim %q = %s, reached %t; want %q = %s, reached %t",
				g.name, g.text(g.value), g.reached(), w.part, w.value, w.reached)
		}
	}
	if !strings.Contains(r.String(), "| peak memory with 1000000 secrets | ≤ 160 MiB | 161 MiB | **no** |") {
		t.Errorf("the report does not contain the missed aim:\n%s", r)
	}
}

// A method that was not measured has no ratio, and no aim counts as reached.
func TestMissingMethod(t *testing.T) {
	r := fixture(map[string][3]float64{methodReplace: {1, 1, 1}}, nil)
	if got := r.ratio(rate, methodGentle, methodReplace); got != 0 {
		t.Errorf("ratio = %g, want 0", got)
	}
	if a := (aim{value: 0, bound: 2, atMost: true}); a.reached() {
		t.Error("an aim without a figure counts as reached")
	}
}
