package rewriter

import "time"

// untriedConcurrency is the highest concurrency before the storage has taken a write: if the
// database is full already, that many writes are refused before the run ends.
const untriedConcurrency = 64

// Tolerances are how much longer a write may take an API server because of this run, as a
// multiple. So it is for other users: their requests wait in the same queues. Several servers
// share the requests of the run, so each queue has fewer of them. If the network takes longer
// than the server, a short queue is enough to be several times as fast as a client that waits
// for each response.
const (
	gentleTolerance  = 1.75
	severalTolerance = 2.5
	distantTolerance = 0.25
	distant          = 10 * time.Millisecond
)

// tolerance returns the tolerance for a concurrency, a distance and a number of servers. A
// concurrency above the default is a wish for speed: it allows longer queues. With 512, the queue is as
// long as the concurrency allows, because a queue that becomes empty for a moment costs throughput.
func tolerance(maxConcurrency int, distance time.Duration, servers int) float64 {
	gentle := gentleTolerance
	switch {
	case distance > distant:
		gentle = distantTolerance
	case servers > 1:
		gentle = severalTolerance
	}
	if ratio := float64(maxConcurrency) / DefaultMaxConcurrency; ratio > 1 {
		return max(gentleTolerance, gentle, ratio*ratio*ratio)
	}
	return gentle
}
