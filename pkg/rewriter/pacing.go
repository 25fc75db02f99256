package rewriter

import "time"

// untriedConcurrency is the highest concurrency before the storage has taken a write: if the
// database is full already, that many writes are refused before the run ends.
const untriedConcurrency = 64

// Tolerances are how much longer a write may take an API server because of this run, as a
// multiple. So it is for other users: their requests wait in the same queue. If the network
// takes longer than the server, a short queue is enough to be several times as fast as a
// client that waits for each response.
const (
	gentleTolerance  = 1.5
	distantTolerance = 0.25
	distant          = 10 * time.Millisecond
)

// tolerance returns the tolerance for a concurrency and a distance. A concurrency above the
// default is a wish for speed: it allows longer queues, of some hundred requests at most.
func tolerance(maxConcurrency int, distance time.Duration) float64 {
	ratio := float64(maxConcurrency) / DefaultMaxConcurrency
	switch {
	case ratio > 1:
		return max(gentleTolerance, ratio*ratio)
	case distance > distant:
		return distantTolerance
	}
	return gentleTolerance
}
