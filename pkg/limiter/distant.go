package limiter

import (
	"math"
	"time"
)

// leastDistant is the fewest requests in flight to a distant server without an overload. A client
// that waits for each response has one. Most of the time they are on their way, so two are few
// even for a slow server.
const leastDistant = 2

// distant computes the limit for a server whose network takes longer than its work. It keeps the mean
// number of requests at the server (the load) constant, and below one: then they hardly ever wait for each
// other, nor do the requests of other users. By Little's law, the server's share of the latency is its
// share of the requests in flight. So the server is never measured at another limit, and a server that is
// slow because of other users gets less, but at least two requests in flight.
//
// Like vegas, it does no I/O, reads no clock, and is not safe for concurrent use.
type distant struct {
	load     float64
	distance time.Duration // round-trip time of the network
	ceiling  float64
	allowed  float64       // the ceiling after overloads
	limit    float64       // requests in flight
	latency  time.Duration // median of the last window; 0 until measured
	window
}

func newDistant(o Options) *distant {
	ceiling := float64(max(o.Ceiling, 1))
	return &distant{load: o.Load, distance: o.Distance, ceiling: ceiling, allowed: ceiling, limit: 1}
}

func (d *distant) currentLimit() int { return int(math.Round(d.limit)) }

func (d *distant) raise(ceiling int) { d.ceiling = max(d.ceiling, float64(ceiling)) }

// remeasure does nothing: each window measures the server.
func (d *distant) remeasure(time.Time) {}

func (d *distant) observe(sent, received time.Time, overloaded bool) {
	switch complete, overload := d.add(sent, received, overloaded, d.samples()); {
	case overload:
		d.allowed = max(d.limit*overloadBackoff, 1)
		d.limit = d.allowed
		d.restart(received)
	case complete:
		d.adjust(received)
	}
}

// samples returns how many samples a decision needs. The first one needs few.
func (d *distant) samples() int {
	if d.latency == 0 {
		return startSamples
	}
	return max(minSamples, d.currentLimit())
}

func (d *distant) adjust(now time.Time) {
	_, d.latency, _ = d.quartiles()
	atServer := max(d.latency-d.distance, minService)
	d.allowed = min(d.allowed*growth, d.ceiling)
	d.limit = min(max(d.load*float64(d.latency)/float64(atServer), leastDistant), d.allowed)
	d.restart(now)
}

// spacing returns the least time between the starts of two requests. Those that start together
// also arrive together, one round trip after the other.
func (d *distant) spacing() time.Duration {
	return time.Duration(spacingShare * float64(d.latency) / d.limit)
}
