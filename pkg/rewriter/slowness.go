package rewriter

import (
	"fmt"
	"time"
)

const (
	// slowWrite is how long a write may take before its namespace may be slow. Webhooks may take
	// up to 30 seconds, and then fail or not.
	slowWrite = 5 * time.Second
	// slowFactor is how many times as long as the others a late write takes. Of 512 writes in flight, a
	// few take five times as long as the average, without any webhook.
	slowFactor = 10
	// typicalWrites is about how many writes the average is of.
	typicalWrites = 256
	// quickWrites is how many writes of a namespace in a row must not be late until it is no longer slow.
	// After as many, one late write does not make it slow.
	quickWrites = 1000
)

// errSlow is why a namespace is put aside although its writes do not fail.
var errSlow = fmt.Errorf("a write takes more than %s; an admission webhook may hang", slowWrite)

// slowness decides which namespaces are slow: their writes take much longer than those of the others, for
// a reason of their own. It does no I/O, reads no clock, and is not safe for concurrent use.
type slowness struct {
	typical time.Duration   // moving average of the writes that were not late
	quick   map[uint32]int  // writes since the last late one, by namespace
	slow    map[uint32]bool // by namespace
}

func newSlowness() *slowness {
	return &slowness{quick: map[uint32]int{}, slow: map[uint32]bool{}}
}

// patience returns how long a write may take before it is late.
func (s *slowness) patience() time.Duration { return max(slowWrite, slowFactor*s.typical) }

// late adds a late write, and reports whether its namespace is slow now.
func (s *slowness) late(namespace uint32) bool {
	if s.quick[namespace] < quickWrites {
		s.slow[namespace] = true
	}
	s.quick[namespace] = 0
	return s.slow[namespace]
}

// finished adds a write that the API server accepted after some time.
func (s *slowness) finished(namespace uint32, took time.Duration) {
	if took >= s.patience() {
		if s.slow[namespace] { // otherwise, late was called
			s.quick[namespace] = 0
		}
		return
	}
	s.typical += (took - s.typical) / typicalWrites
	if s.quick[namespace]++; s.quick[namespace] >= quickWrites {
		delete(s.slow, namespace)
	}
}
