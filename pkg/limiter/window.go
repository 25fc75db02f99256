package limiter

import (
	"slices"
	"time"
)

// window has the latencies of the requests that were sent since its start.
type window struct {
	start     time.Time
	latencies []time.Duration
}

// contains reports whether a request belongs to the window. The earlier ones were sent under
// another limit. The first request starts the first window.
func (w *window) contains(sent time.Time) bool {
	if w.start.IsZero() {
		w.start = sent.Add(-1)
	}
	return sent.After(w.start)
}

// quartiles returns the quartiles of the latencies; the median is at least 1 ns. The window must
// not be empty.
func (w *window) quartiles() (lower, median, upper time.Duration) {
	slices.Sort(w.latencies)
	n := len(w.latencies)
	return w.latencies[n/4], max(w.latencies[n/2], 1), w.latencies[3*n/4]
}

// restart starts the next window.
func (w *window) restart(now time.Time) {
	w.start = now
	w.latencies = w.latencies[:0]
}
