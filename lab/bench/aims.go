package main

import (
	"cmp"
	"fmt"
	"slices"
)

// aim is one figure that the project promises.
type aim struct {
	name   string
	value  float64
	bound  float64
	atMost bool   // the bound is the largest value; otherwise the smallest
	format string // of value and bound
}

func (a aim) reached() bool {
	if a.atMost {
		return a.value > 0 && a.value <= a.bound
	}
	return a.value >= a.bound
}

func (a aim) text(v float64) string { return fmt.Sprintf(a.format, v) }

func (a aim) limit() string {
	if a.atMost {
		return "≤ " + a.text(a.bound)
	}
	return "≥ " + a.text(a.bound)
}

// Bounds of the aims.
const (
	latencyBound = 2.0 // times that beside get | replace
	rateBound    = 2.0 // times that of get | replace
	fastBound    = 90  // percent of the saturating loader
	proofBound   = 1.5 // seconds
)

// memoryBounds are the bounds in MiB, by the number of secrets.
var memoryBounds = map[int]float64{20_000: 64, 1_000_000: 160}

// aims compares the results with the aims.
func (r *report) aims() []aim {
	var all []aim
	for _, s := range r.results {
		if s.method(methodReplace) >= 0 && s.method(methodLoader) >= 0 {
			all = append(all,
				aim{s.name + ": another user's p99 beside rewrite, compared with get | replace",
					s.ratio(p99, methodGentle, methodReplace), latencyBound, true, "%.1f ×"},
				aim{s.name + ": rate of rewrite, compared with get | replace",
					s.ratio(rate, methodGentle, methodReplace), rateBound, false, "%.1f ×"},
				aim{s.name + ": rate of rewrite --max-concurrency 512, compared with the saturating loader",
					100 * s.ratio(rate, methodFast, methodLoader), fastBound, false, "%.0f %%"})
		}
		if s.servers > 1 && s.roundTrip == 0 {
			all = append(all, aim{s.name + ": a whole rewrite of one secret, with identification and agreement",
				s.whole.Seconds(), proofBound, true, "%.2f s"})
		}
	}
	for _, m := range r.memory {
		all = append(all, aim{fmt.Sprintf("peak memory with %d secrets", m.objects),
			float64(m.memory) / (1 << 20), memoryBounds[m.objects], true, "%.0f MiB"})
	}
	return all
}

func rate(m measurement) float64 { return m.rate() }

func p99(m measurement) float64 { return m.p99.Seconds() }

// ratio returns the median over the rounds of the ratio of a figure of two methods; 0
// if one of them was not measured. The two measurements of a round follow each other
// closely, so the speed of the machine matters little.
func (r *result) ratio(figure func(measurement) float64, name, base string) float64 {
	i, j := r.method(name), r.method(base)
	if i < 0 || j < 0 {
		return 0
	}
	var ratios []float64
	for round := range r.rounds[i] {
		if b := figure(r.rounds[j][round]); b > 0 {
			ratios = append(ratios, figure(r.rounds[i][round])/b)
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	slices.SortFunc(ratios, cmp.Compare)
	return ratios[len(ratios)/2]
}

// method returns the index of the method, or -1.
func (r *result) method(name string) int {
	return slices.IndexFunc(r.methods, func(m method) bool { return m.name == name })
}
