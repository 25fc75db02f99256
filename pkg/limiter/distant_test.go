package limiter

import (
	"testing"
	"time"
)

// half is the load for the default.
const half = 0.5

func TestDistantLoad(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name           string
		server         server
		distance       time.Duration // as measured
		ceiling        int
		least, most    float64 // responses per second
		limitAtMost    float64
		rejectedAtMost float64 // share of the requests
	}{
		{"two workers", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}, 40 * ms, 64, 100, 140, 7, 0},
		{"uneven requests", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms, jitter: 0.8}, 40 * ms, 64, 90, 150, 7, 0},
		{"many workers", server{workers: 16, service: 5 * ms, roundTrip: 100 * ms}, 100 * ms, 64, 80, 120, 12, 0},
		{"a fast server", server{workers: 4, service: ms / 4, roundTrip: 40 * ms}, 40 * ms, 64, 400, 550, 21, 0},
		{"one slow worker", server{workers: 1, service: 30 * ms, roundTrip: 40 * ms}, 40 * ms, 64, 25, 34, 2, 0},
		{"the network became slower", server{workers: 2, service: 4 * ms, roundTrip: 80 * ms}, 40 * ms, 64, 20, 30, 2, 0},
		{"a ceiling", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}, 40 * ms, 3, 60, 70, 3, 0},
		{"a server that rejects", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms, shedAt: 3}, 40 * ms, 64, 30, 70, 3.5, 0.1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const length = 40 * time.Second
			d := newDistant(Options{Ceiling: test.ceiling, Load: half, Distance: test.distance})
			rate, limit, rejected := simulate(d, &test.server, length, nil)
			t.Logf("rate %.0f/s, mean limit %.1f, %d rejected", rate, limit, rejected)
			if rate < test.least || rate > test.most {
				t.Errorf("rate = %.0f/s, want %.0f to %.0f", rate, test.least, test.most)
			}
			if limit > test.limitAtMost {
				t.Errorf("mean limit = %.1f, want at most %.1f", limit, test.limitAtMost)
			}
			sent := rate*length.Seconds()/2 + float64(rejected)
			if share := float64(rejected) / sent; share > test.rejectedAtMost {
				t.Errorf("%.0f%% of the requests rejected, want at most %.0f%%", 100*share, 100*test.rejectedAtMost)
			}
		})
	}
}

// A distant server that other users slow down gets fewer requests, and more again after that.
func TestDistantForeignLoad(t *testing.T) {
	const ms = time.Millisecond
	s := server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}
	d := newDistant(Options{Ceiling: 64, Load: half, Distance: s.roundTrip})
	var busy, after int
	simulate(d, &s, 30*time.Second, func(since time.Duration, s *server) {
		switch {
		case since < 10*time.Second:
		case since < 20*time.Second:
			s.service, busy = 16*ms, d.currentLimit()
		default:
			s.service, after = 4*ms, d.currentLimit()
		}
	})
	if busy != 2 || after < 5 || after > 6 {
		t.Errorf("limit = %d while the server is busy, %d after, want 2, and 5 or 6", busy, after)
	}
}

// A higher ceiling takes effect after the next responses. One that is not higher changes nothing,
// also after an overload.
func TestDistantRaise(t *testing.T) {
	const ms = time.Millisecond
	s := server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}
	d := newDistant(Options{Ceiling: 3, Load: half, Distance: s.roundTrip})
	simulate(d, &s, 2*time.Second, nil)
	before := d.currentLimit()
	d.raise(64)
	d.raise(1)
	simulate(d, &s, 10*time.Second, nil)
	if after := d.currentLimit(); before != 3 || after != 6 {
		t.Errorf("limit = %d with the ceiling 3, %d with 64, want 3 and 6", before, after)
	}
	at := d.start.Add(ms)
	d.observe(at, at.Add(ms), true)
	d.raise(64)
	for range d.samples() {
		at = at.Add(50 * ms)
		d.observe(at, at.Add(44*ms), false)
	}
	if d.currentLimit() > 4 {
		t.Errorf("limit = %d soon after an overload at 6, want at most 4", d.currentLimit())
	}
}

// Requests start at intervals, as soon as the latency is known.
func TestDistantSpacing(t *testing.T) {
	const ms = time.Millisecond
	d := newDistant(Options{Ceiling: 64, Load: half, Distance: 40 * ms})
	if got := d.spacing(); got != 0 {
		t.Errorf("spacing before the first response = %s, want 0", got)
	}
	at := time.Unix(0, 0)
	for range startSamples {
		d.observe(at, at.Add(45*ms), false)
		at = at.Add(45 * ms)
	}
	if got := d.spacing(); d.currentLimit() != 5 || got != 8*ms {
		t.Errorf("limit, spacing = %d, %s, want 5, 8ms", d.currentLimit(), got)
	}
}
