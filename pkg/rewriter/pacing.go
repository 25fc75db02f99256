package rewriter

import "time"

// untriedConcurrency is the highest concurrency before the storage has taken a write: if the
// database is full already, that many writes are refused before the run ends.
const untriedConcurrency = 64

// Tolerances are how much longer a write may take an API server because of this run, as a
// multiple. So it is for other users: their requests wait in the same queues. If the network
// takes longer than the server, a short queue is enough to be several times as fast as a client
// that waits for each response.
const (
	gentleTolerance  = 1.75
	distantTolerance = 0.25
	distant          = 10 * time.Millisecond
)

// tolerance returns the tolerance for a concurrency and a distance. A concurrency above the default is a
// wish for speed: it allows longer queues. With 512, the queue is as long as the concurrency allows,
// because a queue that becomes empty for a moment costs throughput.
func tolerance(maxConcurrency int, distance time.Duration) float64 {
	if ratio := float64(maxConcurrency) / DefaultMaxConcurrency; ratio > 1 {
		return max(gentleTolerance, ratio*ratio*ratio)
	}
	if distance > distant {
		return distantTolerance
	}
	return gentleTolerance
}
