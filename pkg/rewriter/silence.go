package rewriter

import (
	"fmt"
	"sync/atomic"
	"time"
)

// noticeable is the shortest silence that the progress shows.
const noticeable = 5 * time.Second

// silence is the time since the last conclusive response of the API server. It is safe for concurrent use.
type silence struct {
	since  atomic.Int64           // in Unix nanoseconds
	reason atomic.Pointer[string] // of the last request that failed; nil if none has failed since then
}

// end takes note of a conclusive response.
func (s *silence) end(now time.Time) {
	s.since.Store(now.UnixNano())
	s.reason.Store(nil)
}

// failed takes note of a request without a conclusive response.
func (s *silence) failed(err error) {
	reason, _ := describe(err)
	s.reason.Store(&reason)
}

// lasts returns how long the silence has lasted.
func (s *silence) lasts(now time.Time) time.Duration { return now.Sub(time.Unix(0, s.since.Load())) }

// text describes the silence; empty if no request has failed, or if it is short.
func (s *silence) text(now time.Time) string {
	reason, lasts := s.reason.Load(), s.lasts(now)
	if reason == nil || lasts < noticeable {
		return ""
	}
	return fmt.Sprintf("%v for %s (%s)", errNoResponse, lasts.Round(time.Second), *reason)
}
