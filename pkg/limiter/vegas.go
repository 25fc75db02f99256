package limiter

import (
	"math"
	"time"
)

// Constants of the algorithm.
const (
	minService      = time.Millisecond // an API server does not write faster
	lowShare        = 0.9              // grow while the delay is below this share of the allowed one
	growth          = 1.1              // per window
	fastShare       = 0.5              // grow faster while the delay is below this share of the allowed one
	fastGrowth      = 1.3              // per window
	minSamples      = 16               // fewest samples of a window after the start phase
	startSamples    = 4                // fewest samples of a window in the start phase
	probeInterval   = 10 * time.Second // least time between two measurements of the base, after the first ones
	keptProbes      = 4                // measurements of the base that count
	longQueue       = 8                // tolerance above which they are rarer
	initialLimit    = 4                // if latency does not matter
	overloadBackoff = 0.5              // factor on the limit after an overload
	spacingShare    = 0.8              // of the mean time between two requests
	minSpacing      = 100 * time.Microsecond
)

// measurement is the latency of the unloaded server.
type measurement struct {
	base   time.Duration // median; 0 until measured
	spread time.Duration // between the quartiles
}

// vegas computes the limit from the latencies of the requests. It does no I/O, reads
// no clock, and is not safe for concurrent use.
type vegas struct {
	limit, ceiling float64
	tolerance      float64       // allowed delay in service times; 0: any
	distance       time.Duration // round-trip time of the network
	measurement
	recent    []measurement // of the last probes
	slowStart bool          // double the limit until the first delay or overload
	probing   bool          // measuring the base at a reduced limit
	resume    float64       // limit to restore after the probe
	lastProbe time.Time
	window
}

func newVegas(o Options) *vegas {
	v := &vegas{
		limit: 1, ceiling: float64(max(o.Ceiling, 1)), tolerance: o.Tolerance, distance: o.Distance, slowStart: true,
	}
	if v.tolerance == 0 {
		v.limit = min(initialLimit, v.ceiling)
	}
	return v
}

func (v *vegas) currentLimit() int { return int(math.Round(v.limit)) }

func (v *vegas) raise(ceiling int) { v.ceiling = max(v.ceiling, float64(ceiling)) }

func (v *vegas) observe(sent, received time.Time, overloaded bool) {
	if v.lastProbe.IsZero() {
		v.lastProbe = sent
	}
	switch complete, overload := v.add(sent, received, overloaded, v.samples()); {
	case overload:
		v.backOff(received)
	case complete:
		v.adjust(received)
	}
}

// samples returns how many samples a decision needs. During the start phase these are
// about as many as one round trip returns.
func (v *vegas) samples() int {
	if v.slowStart && !v.probing {
		return max(startSamples, v.currentLimit())
	}
	return max(minSamples, v.currentLimit())
}

func (v *vegas) backOff(now time.Time) {
	if v.probing {
		v.limit = v.resume
	}
	v.slowStart, v.probing = false, false
	v.setLimit(v.limit*overloadBackoff, now)
}

// adjust chooses the next limit from the latencies of a complete window.
func (v *vegas) adjust(now time.Time) {
	if v.tolerance == 0 {
		v.grow(growth, now)
		return
	}
	lower, median, upper := v.quartiles()
	if v.base == 0 || median < v.base {
		v.base = median
	}
	if v.probing {
		v.probed(measurement{median, upper - lower})
		v.probing, v.lastProbe = false, now
		v.setLimit(v.resume, now)
		return
	}
	delay, allowed := float64(median-v.base), v.allowedDelay()
	// The limit at which the delay is low, if the server is saturated (Little's law).
	goal := v.limit * (float64(v.base) + lowShare*allowed) / float64(median)
	switch {
	case v.slowStart && delay >= lowShare*allowed:
		v.slowStart = false
		v.probe(goal, now)
	case now.Sub(v.lastProbe) >= v.probeAfter():
		if delay <= allowed {
			goal = v.limit
		}
		v.probe(goal, now)
	case delay < fastShare*allowed:
		v.grow(fastGrowth, now)
	case delay < lowShare*allowed:
		v.grow(growth, now)
	case delay > allowed:
		v.setLimit(goal, now)
	default:
		v.setLimit(v.limit, now)
	}
}

// grow raises the limit by a factor. The start phase skips limits that cannot exceed the tolerance:
// with 1 + tolerance requests in flight, even a server that handles one at a time delays
// them by the tolerance at most.
func (v *vegas) grow(factor float64, now time.Time) {
	if v.slowStart {
		v.setLimit(max(v.limit*2, 1+v.tolerance), now)
	} else {
		v.setLimit(v.limit*factor, now)
	}
}

// probed takes the smallest of the last measurements. Several of them may coincide with garbage
// collections of the server, which take seconds. If the server stays slow, the base follows
// after all of them. A measurement at the end of one has a small median and a large spread, so the
// smallest of each counts.
func (v *vegas) probed(latest measurement) {
	v.recent = append(v.recent, latest)
	v.recent = v.recent[max(len(v.recent)-keptProbes, 0):]
	v.measurement = v.recent[0]
	for _, m := range v.recent[1:] {
		v.base, v.spread = min(v.base, m.base), min(v.spread, m.spread)
	}
}

// service returns how long the unloaded server takes for a request.
func (v *vegas) service() time.Duration { return max(v.base-v.distance, minService) }

// allowedDelay returns how much longer than the base a request may take. A delay below
// the spread cannot be measured.
func (v *vegas) allowedDelay() float64 { return v.tolerance * float64(max(v.service(), v.spread)) }

// spacing returns the least time between the starts of two requests. While the network holds
// most requests, those that start together also arrive together, one round trip after the
// other. Then each waits for the others, and so do the requests of other users.
func (v *vegas) spacing() time.Duration {
	spacing := time.Duration(spacingShare * float64(v.base) / v.limit)
	if v.tolerance == 0 || v.distance < v.service() || spacing < minSpacing {
		return 0
	}
	return spacing
}

// probeAfter returns the time between two measurements of the base. Each empties the queue. The
// first one alone may be wrong, so the next ones follow soon. The longer the queue may be, the
// more a measurement costs, and the less an old base matters.
func (v *vegas) probeAfter() time.Duration {
	interval := probeInterval >> max(keptProbes-1-len(v.recent), 0)
	return time.Duration(max(v.tolerance/longQueue, 1) * float64(interval))
}

// probe measures the base again, with about one request at the server at any time. Then
// it sets the limit to resume.
func (v *vegas) probe(resume float64, now time.Time) {
	v.probing, v.resume = true, resume
	v.setLimit(min(v.limit, float64(v.base)/float64(v.service())), now)
}

// remeasure measures the base for requests of another kind. With a long queue, it does not matter.
func (v *vegas) remeasure(now time.Time) {
	if v.base == 0 || v.tolerance == 0 || v.tolerance >= longQueue {
		return
	}
	v.recent = nil
	if !v.probing {
		v.probe(v.limit, now)
	}
}

// setLimit starts a new window with the limit.
func (v *vegas) setLimit(limit float64, now time.Time) {
	v.limit = min(max(limit, 1), v.ceiling)
	v.restart(now)
}
