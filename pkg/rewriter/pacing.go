package rewriter

import (
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// untriedConcurrency is the highest concurrency before the storage has taken a write: if the
// database is full already, that many writes are refused before the run ends.
const untriedConcurrency = 64

const (
	// gentleTolerance is how much longer a write may take an API server because of this run, as a
	// multiple. So it is for other users: their requests wait in the same queues.
	gentleTolerance = 2.0
	// distantLoad is the mean number of writes at a distant API server. It is several times as much
	// as with a client that waits for each response.
	distantLoad = 0.5
	distant     = 10 * time.Millisecond
)

// pacing returns the options of the limiter for a concurrency and a distance. A concurrency above the
// default is a wish for speed: it allows longer queues. With 512, the queue is as long as the concurrency
// allows, because a queue that becomes empty for a moment costs throughput.
func pacing(maxConcurrency int, distance time.Duration) limiter.Options {
	o := limiter.Options{
		Ceiling: min(maxConcurrency, untriedConcurrency), Distance: distance, Tolerance: gentleTolerance,
	}
	switch ratio := float64(maxConcurrency) / DefaultMaxConcurrency; {
	case ratio > 1:
		o.Tolerance = max(gentleTolerance, ratio*ratio*ratio)
	case distance > distant:
		o.Load = distantLoad
	}
	return o
}
