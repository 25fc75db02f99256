package limiter

import (
	"slices"
	"time"
)

// Constants of the law, in requests unless they say otherwise.
const (
	start        = 4                     // in flight at first
	shortQueue   = 9.0                   // waiting: below it the limit grows
	longQueue    = 13.0                  // waiting: above it the limit shrinks
	shortShare   = 1.0 / 3               // of the requests that are worked on or on their way: as many may wait, too,
	longShare    = 1.0 / 2               // since far away they come in bursts, and a short queue runs dry between two
	usual        = 64.0                  // the ceiling that these queues are meant for; a higher one allows longer queues
	longWait     = 25 * time.Millisecond // in the queue, or the unloaded server's latency if that is longer: above it the limit shrinks
	mostPatience = 20                    // times as long at most: API Priority and Fairness refuses when some hundreds wait
	minSamples   = 32                    // answers a window takes at least, once the knee is found
	remeasure    = 10 * time.Second      // between two looks at the unloaded server
	probeShare   = 4                     // the limit is divided by this for such a look,
	probeMost    = 16                    // and is this at most
	growth       = 0.1                   // a step, as a share of the limit
	overloadCut  = 0.5                   // what an overload leaves of the limit
)

// Law decides the limit from one answer after the other. It does no I/O, knows
// no clock, and is not safe for concurrent use.
type Law struct {
	limit, ceiling float64
	patience       float64       // what the queues are multiplied with
	base           time.Duration // latency of the unloaded server; 0 until measured
	rising         bool          // doubling, until the first queue or overload
	probing        bool          // measuring base at a fraction of the limit
	resume         float64       // the limit to return to after probing
	lastProbe      time.Time

	opened    time.Time // when the window began; answers to earlier requests don't count
	latencies []time.Duration
}

// NewLaw returns a law that never exceeds the ceiling. A ceiling above 64 says that
// throughput matters more than others' latency: the queue may be longer, by the square of it, up to 20 times.
func NewLaw(ceiling int) *Law {
	ceiling = max(ceiling, 1)
	raised := max(1, float64(ceiling)/usual)
	return &Law{
		limit: float64(min(start, ceiling)), ceiling: float64(ceiling), rising: true,
		patience: min(raised*raised, mostPatience),
	}
}

// Limit is how many requests may be in flight now, at least 1.
func (l *Law) Limit() int { return int(l.limit) }

// Answer tells the law of one answer: when its request was sent and when the
// answer came, and whether the server was overloaded.
func (l *Law) Answer(sent, came time.Time, overloaded bool) {
	if l.opened.IsZero() {
		l.opened, l.lastProbe = sent, sent
	}
	if sent.Before(l.opened) {
		return // it tells of an earlier limit
	}
	if overloaded {
		l.cut(came)
		return
	}
	l.latencies = append(l.latencies, came.Sub(sent))
	if len(l.latencies) >= l.window() {
		l.decide(came)
	}
}

// window is how many answers it takes to decide; while the limit rises, no more
// than a round trip brings.
func (l *Law) window() int {
	if l.rising {
		return l.Limit()
	}
	return max(minSamples, l.Limit())
}

func (l *Law) cut(now time.Time) {
	if l.probing {
		l.limit = l.resume
	}
	l.rising, l.probing = false, false
	l.set(l.limit*overloadCut, now)
}

func (l *Law) decide(now time.Time) {
	slices.Sort(l.latencies)
	median := max(l.latencies[len(l.latencies)/2], 1)
	switch {
	case l.probing:
		l.probing, l.base, l.lastProbe = false, median, now
		l.set(l.resume, now)
		return
	case l.base == 0 || median < l.base:
		l.base = median
	case now.Sub(l.lastProbe) >= remeasure:
		l.probing, l.resume = true, l.limit
		l.set(min(l.limit/probeShare, probeMost), now)
		l.opened = now.Add(2 * median) // when what is in flight now has been answered
		return
	}
	knee := l.limit * float64(l.base) / float64(median) // requests that are worked on or on their way
	waiting := l.limit - knee
	short, long := max(shortQueue*l.patience, knee*shortShare), max(longQueue*l.patience, knee*longShare)
	if float64(median-l.base) > float64(max(longWait, l.base))*l.patience {
		short, long = 0, 0 // a slow server: few that wait, wait for long
	}
	switch {
	case l.rising && waiting < short:
		l.set(l.limit*2, now)
	case l.rising:
		l.rising = false
		l.set(knee+short, now)
	case waiting < short:
		l.set(l.limit+max(1, l.limit*growth), now)
	case waiting > long:
		l.set(l.limit-max(1, l.limit*growth), now)
	default:
		l.set(l.limit, now)
	}
}

// set opens a new window at the limit.
func (l *Law) set(limit float64, now time.Time) {
	l.limit = min(max(limit, 1), l.ceiling)
	l.opened = now
	l.latencies = l.latencies[:0]
}
