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

// add adds a response, and reports whether the window has as many as needed, or met an overload.
// Requests from before the window were sent under another limit, and do not count. The first
// request starts the first window.
func (w *window) add(sent, received time.Time, overloaded bool, needed int) (complete, overload bool) {
	if w.start.IsZero() {
		w.start = sent.Add(-1)
	}
	if !sent.After(w.start) {
		return false, false
	}
	if overloaded {
		return false, true
	}
	w.latencies = append(w.latencies, received.Sub(sent))
	return len(w.latencies) >= needed, false
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
