package limiter

import (
	"slices"
	"time"
)

// Constants of the algorithm. Queue lengths and limits are in requests.
const (
	initialLimit    = 4                     // limit at the start
	shortQueue      = 9.0                   // grow while fewer requests than this are queued
	longQueue       = 13.0                  // shrink while more requests than this are queued
	shortShare      = 1.0 / 3               // or while fewer than this share of the capacity is queued
	longShare       = 1.0 / 2               // or while more than this share of the capacity is queued
	defaultCeiling  = 64.0                  // a higher ceiling allows longer queues
	maxQueueTime    = 25 * time.Millisecond // shrink if the queueing delay exceeds this and minRTT
	maxScale        = 20                    // API Priority and Fairness rejects if some hundreds of requests wait
	minSamples      = 32                    // fewest samples per window after the start phase
	probeInterval   = 10 * time.Second      // time between two measurements of minRTT
	probeDivisor    = 4                     // a probe divides the limit by this
	maxProbeLimit   = 16                    // highest limit during a probe
	step            = 0.1                   // growth or decrease per window, as a share of the limit
	overloadBackoff = 0.5                   // factor on the limit after an overload
)

// vegas computes the limit from the latencies of the requests. It does no I/O, reads
// no clock, and is not safe for concurrent use.
//
// The queue limits have a share of the capacity as well, because distant requests
// arrive in bursts, and a short queue runs empty between two bursts.
type vegas struct {
	limit, ceiling float64
	scale          float64       // factor on the queue limits
	minRTT         time.Duration // latency of the unloaded server; 0 until measured
	slowStart      bool          // double the limit until the first queue or overload
	probing        bool          // measuring minRTT at a reduced limit
	resume         float64       // limit to restore after the probe
	lastProbe      time.Time

	windowStart time.Time // requests sent earlier are ignored
	latencies   []time.Duration
}

// newVegas returns an algorithm whose limit never exceeds the ceiling. With a ceiling
// above 64, throughput matters more than the latency of other clients: the queues may
// be longer by a factor of (ceiling/64)², at most 20.
func newVegas(ceiling int) *vegas {
	ceiling = max(ceiling, 1)
	ratio := max(1, float64(ceiling)/defaultCeiling)
	return &vegas{
		limit: float64(min(initialLimit, ceiling)), ceiling: float64(ceiling), slowStart: true,
		scale: min(ratio*ratio, maxScale),
	}
}

// currentLimit returns how many requests may be in flight now, at least 1.
func (v *vegas) currentLimit() int { return int(v.limit) }

// observe adds one response: when its request was sent, when it was received, and
// whether the server was overloaded.
func (v *vegas) observe(sent, received time.Time, overloaded bool) {
	if v.windowStart.IsZero() {
		v.windowStart, v.lastProbe = sent, sent
	}
	if sent.Before(v.windowStart) {
		return // sent under an earlier limit
	}
	if overloaded {
		v.backOff(received)
		return
	}
	v.latencies = append(v.latencies, received.Sub(sent))
	if len(v.latencies) >= v.window() {
		v.adjust(received)
	}
}

// window returns how many samples a decision needs. During the start phase these are
// only as many as one round trip returns.
func (v *vegas) window() int {
	if v.slowStart {
		return v.currentLimit()
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
	slices.Sort(v.latencies)
	median := max(v.latencies[len(v.latencies)/2], 1)
	switch {
	case v.probing:
		v.probing, v.minRTT, v.lastProbe = false, median, now
		v.setLimit(v.resume, now)
		return
	case v.minRTT == 0 || median < v.minRTT:
		v.minRTT = median
	case now.Sub(v.lastProbe) >= probeInterval:
		v.probing, v.resume = true, v.limit
		v.setLimit(min(v.limit/probeDivisor, maxProbeLimit), now)
		v.windowStart = now.Add(2 * median) // by then the requests in flight have been answered
		return
	}
	capacity := v.limit * float64(v.minRTT) / float64(median) // requests in service or on the wire
	queued := v.limit - capacity
	short, long := max(shortQueue*v.scale, capacity*shortShare), max(longQueue*v.scale, capacity*longShare)
	if float64(median-v.minRTT) > float64(max(maxQueueTime, v.minRTT))*v.scale {
		short, long = 0, 0 // slow server: even a short queue means a long delay
	}
	switch {
	case v.slowStart && queued < short:
		v.setLimit(v.limit*2, now)
	case v.slowStart:
		v.slowStart = false
		v.setLimit(capacity+short, now)
	case queued < short:
		v.setLimit(v.limit+max(1, v.limit*step), now)
	case queued > long:
		v.setLimit(v.limit-max(1, v.limit*step), now)
	default:
		v.setLimit(v.limit, now)
	}
}

// setLimit starts a new window with the limit.
func (v *vegas) setLimit(limit float64, now time.Time) {
	v.limit = min(max(limit, 1), v.ceiling)
	v.windowStart = now
	v.latencies = v.latencies[:0]
}
