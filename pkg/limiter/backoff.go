package limiter

import "time"

const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// backoff is the pause before the next request while a server is overloaded by a single one. Such a server is
// down or refuses everything, often at once, so the limit alone would permit hundreds of requests a second. The
// pause doubles with each overload, and any other response ends it.
type backoff struct {
	pause time.Duration // 0: none
	since time.Time     // the overload that began it
}

// observe adds one response. alone is whether the limit was 1.
func (b *backoff) observe(sent, received time.Time, overloaded, alone bool) {
	switch {
	case !overloaded:
		b.pause = 0
	case alone && sent.After(b.since): // others were sent before this pause
		b.pause, b.since = min(max(2*b.pause, firstPause), maxPause), received
	}
}

// remaining returns how long the next request must wait.
func (b *backoff) remaining(now time.Time) time.Duration {
	if b.pause == 0 {
		return 0
	}
	return max(b.since.Add(b.pause).Sub(now), 0)
}
