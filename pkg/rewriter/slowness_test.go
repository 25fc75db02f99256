package rewriter

import (
	"testing"
	"time"
)

// TestSlowness checks when a namespace is slow, and until when.
func TestSlowness(t *testing.T) {
	quick := func(s *slowness, namespace uint32, writes int) {
		for range writes {
			s.finished(namespace, 20*time.Millisecond)
		}
	}
	for _, test := range []struct {
		name string
		do   func(s *slowness)
		slow bool
	}{
		{"the first write is late", func(s *slowness) { s.late(1) }, true},
		{"another namespace is slow", func(s *slowness) { s.late(2) }, false},
		{"one late write of many", func(s *slowness) { quick(s, 1, quickWrites); s.late(1) }, false},
		{"one late write of few", func(s *slowness) { quick(s, 1, quickWrites-1); s.late(1) }, true},
		{"the webhook begins to hang", func(s *slowness) { quick(s, 1, 100*quickWrites); s.late(1); s.late(1) }, true},
		{"a late write now and then", func(s *slowness) {
			for range 10 {
				quick(s, 1, quickWrites)
				s.late(1)
			}
		}, false},
		{"it is quick again", func(s *slowness) { s.late(1); quick(s, 1, quickWrites) }, false},
		{"others are quick", func(s *slowness) { s.late(1); quick(s, 2, quickWrites) }, true},
		{"each hundredth write hangs", func(s *slowness) {
			s.late(1)
			for range quickWrites {
				quick(s, 1, 99)
				s.finished(1, 30*time.Second)
			}
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSlowness()
			test.do(s)
			if s.slow[1] != test.slow {
				t.Errorf("slow = %t, want %t", s.slow[1], test.slow)
			}
		})
	}
}

// TestPatience checks that patience follows the usual time of a write, but not that of the late ones.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		name  string
		takes time.Duration
		want  time.Duration // at least; at most a tenth more
	}{
		{"a server at leisure", 20 * time.Millisecond, slowWrite},
		{"a busy server", 2 * time.Second, 20 * time.Second},
		{"a webhook that hangs", 10 * time.Second, slowWrite},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSlowness()
			for range 10 * typicalWrites {
				s.finished(1, test.takes)
			}
			// The average reaches the time from below.
			if got := s.patience(); got < test.want*99/100 || got > test.want*11/10 {
				t.Errorf("patience = %v, want %v", got, test.want)
			}
		})
	}
}
