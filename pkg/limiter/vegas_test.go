package limiter

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

// server simulates an API server: each worker needs the service time for a request,
// and the network adds the round-trip time. Requests beyond shedAt are rejected.
type server struct {
	workers   int
	service   time.Duration
	roundTrip time.Duration
	shedAt    int     // 0: never
	jitter    float64 // variation of the service time, as a share of it
}

// response is a response that is still in flight.
type response struct {
	sent, received time.Time
	overloaded     bool
}

// responses is a heap, ordered by the time of arrival.
type responses []response

func (r responses) Len() int           { return len(r) }
func (r responses) Less(i, j int) bool { return r[i].received.Before(r[j].received) }
func (r responses) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *responses) Push(x any)        { *r = append(*r, x.(response)) }
func (r *responses) Pop() any          { x := (*r)[len(*r)-1]; *r = (*r)[:len(*r)-1]; return x }

// simulate runs the algorithm against the server. For the second half of the given
// time it returns the responses per second, the mean limit, and the number of rejected
// requests. During the run, change is called with the time since the start.
func simulate(
	v algorithm, s *server, length time.Duration, change func(time.Duration, *server),
) (rate, limit float64, rejected int) {
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Unix(1_000_000, 0)
	now := start
	free := make([]time.Time, s.workers) // when each worker is free
	var inFlight responses
	var completed, limits, samples float64
	for now.Sub(start) < length {
		if change != nil {
			change(now.Sub(start), s)
		}
		for len(inFlight) < v.currentLimit() {
			first := 0
			for i := range free {
				if free[i].Before(free[first]) {
					first = i
				}
			}
			arrival := now.Add(s.roundTrip / 2)
			if s.shedAt > 0 && len(inFlight) >= s.shedAt {
				heap.Push(&inFlight, response{now, arrival.Add(s.roundTrip/2 + time.Millisecond/2), true})
				continue
			}
			serviceStart := arrival
			if free[first].After(serviceStart) {
				serviceStart = free[first]
			}
			took := time.Duration(float64(s.service) * (1 + s.jitter*(2*random.Float64()-1)))
			free[first] = serviceStart.Add(took)
			heap.Push(&inFlight, response{now, free[first].Add(s.roundTrip / 2), false})
		}
		r := heap.Pop(&inFlight).(response)
		now = r.received
		v.observe(r.sent, r.received, r.overloaded)
		if now.Sub(start) > length/2 {
			samples++
			limits += float64(v.currentLimit())
			if r.overloaded {
				rejected++
			} else {
				completed++
			}
		}
	}
	return completed / (length / 2).Seconds(), limits / samples, rejected
}

// gentle is the tolerance for the default, fast that for a much higher concurrency.
const gentle, short, fast = 2, 0.25, 64

func TestLimitApproachesCapacity(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name      string
		server    server
		ceiling   int
		tolerance float64
		minShare  float64 // lowest rate, as a share of the server's capacity
		maxQueued float64 // mean number of queued requests
	}{
		{"two workers", server{workers: 2, service: ms}, 64, gentle, 0.95, 5},
		{"two workers, uneven requests", server{workers: 2, service: ms, jitter: 0.8}, 64, gentle, 0.9, 5},
		{"two slow workers, uneven requests", server{workers: 2, service: 15 * ms, jitter: 0.8}, 64, gentle, 0.9, 5},
		{"two workers 40 ms away", server{workers: 2, service: ms, roundTrip: 40 * ms}, 128, gentle, 0.9, 8},
		{"two slower workers 40 ms away", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}, 64, gentle, 0.9, 4.5},
		{"many workers", server{workers: 16, service: 5 * ms, jitter: 0.5}, 64, gentle, 0.95, 36},
		{"many workers 40 ms away", server{workers: 8, service: 8 * ms, roundTrip: 40 * ms, jitter: 0.5}, 128, gentle, 0.9, 20},
		{"two workers far away, a short queue", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms, jitter: 0.5}, 64, short, 0.6, 1},
		{"one slow worker", server{workers: 1, service: 20 * ms}, 64, gentle, 0.95, 2},
		{"fast", server{workers: 32, service: 5 * ms, roundTrip: 40 * ms}, 512, fast, 0.97, 260},
		{"fast, small server", server{workers: 2, service: 2 * ms, jitter: 0.5}, 512, fast, 0.97, 260},
		{"fast, small server 40 ms away", server{workers: 2, service: 2 * ms, roundTrip: 40 * ms}, 512, fast, 0.97, 260},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			capacity := float64(test.server.workers) / test.server.service.Seconds()
			v := newVegas(Options{Ceiling: test.ceiling, Tolerance: test.tolerance, Distance: test.server.roundTrip})
			rate, limit, _ := simulate(v, &test.server, 40*time.Second, nil)
			queued := limit - rate*(test.server.service+test.server.roundTrip).Seconds() // Little's law
			t.Logf("rate %.0f/s of %.0f, mean limit %.1f, %.1f queued", rate, capacity, limit, queued)
			if rate < test.minShare*capacity {
				t.Errorf("rate = %.0f/s, want at least %.0f%% of %.0f", rate, 100*test.minShare, capacity)
			}
			if queued > test.maxQueued {
				t.Errorf("queued requests = %.1f, want at most %.1f", queued, test.maxQueued)
			}
		})
	}
}

// Without the distance, the limit still adapts; the queue is longer.
func TestUnknownDistance(t *testing.T) {
	s := server{workers: 2, service: 4 * time.Millisecond, roundTrip: 40 * time.Millisecond}
	rate, limit, _ := simulate(newVegas(Options{Ceiling: 64, Tolerance: gentle}), &s, 20*time.Second, nil)
	if rate < 450 || limit > 64 {
		t.Errorf("rate = %.0f/s with a limit of %.1f, want at least 450/s and at most 64", rate, limit)
	}
}

func TestLimitStaysBelowCeiling(t *testing.T) {
	s := server{workers: 1000, service: time.Millisecond, roundTrip: 40 * time.Millisecond}
	_, limit, _ := simulate(newVegas(Options{Ceiling: 8, Tolerance: gentle}), &s, 10*time.Second, nil)
	if limit > 8 {
		t.Errorf("mean limit = %.1f, want at most 8", limit)
	}
}

func TestLimitDecreasesUnderForeignLoad(t *testing.T) {
	s := server{workers: 16, service: 5 * time.Millisecond}
	v := newVegas(Options{Ceiling: 64, Tolerance: gentle})
	simulate(v, &s, 15*time.Second, nil)
	alone := v.currentLimit()
	// Other clients use three quarters of the server, so each request takes four times as long.
	for range 3 { // windows, before the next probe
		for range v.samples() {
			at := v.start.Add(time.Millisecond)
			v.observe(at, at.Add(4*s.service), false)
		}
	}
	if v.currentLimit() > alone/3 {
		t.Errorf("limit = %d under foreign load, want at most a third of %d", v.currentLimit(), alone)
	}
}

// Slow probes between fast ones do not raise the base; a server that stays slow does.
func TestSlowProbe(t *testing.T) {
	const ms = time.Millisecond
	v := newVegas(Options{Ceiling: 64, Tolerance: gentle})
	for i, probe := range []struct{ median, base time.Duration }{
		{20 * ms, 20 * ms}, {5 * ms, 5 * ms}, {20 * ms, 5 * ms}, {20 * ms, 5 * ms}, {21 * ms, 5 * ms}, {22 * ms, 20 * ms},
		{6 * ms, 6 * ms},
	} {
		if v.probed(measurement{base: probe.median}); v.base != probe.base {
			t.Errorf("base after probe %d = %s, want %s", i, v.base, probe.base)
		}
	}
}

// One uneven measurement does not permit a longer queue.
func TestSpreadOfProbes(t *testing.T) {
	const ms = time.Millisecond
	v := newVegas(Options{Ceiling: 64, Tolerance: gentle})
	for _, m := range []measurement{{5 * ms, 2 * ms}, {4 * ms, 12 * ms}, {5 * ms, 3 * ms}} {
		v.probed(m)
	}
	if want := (measurement{4 * ms, 2 * ms}); v.measurement != want {
		t.Errorf("measurement = %v, want %v", v.measurement, want)
	}
}

// Requests that take the server less time are not sent with the queue of those before.
func TestRemeasure(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name      string
		tolerance float64
		base      time.Duration
	}{
		{"a short queue", gentle, 2 * ms},
		{"a long queue", fast, 8 * ms},
	} {
		s := server{workers: 2, service: 8 * ms}
		v := newVegas(Options{Ceiling: 64, Tolerance: test.tolerance})
		if v.remeasure(time.Unix(0, 0)); v.probing {
			t.Errorf("%s: measures before the first request", test.name)
		}
		simulate(v, &s, 20*time.Second, nil)
		before, at := v.limit, v.start.Add(time.Minute)
		v.remeasure(at)
		for v.probing {
			v.observe(at.Add(ms), at.Add(3*ms), false)
		}
		if v.base != test.base || v.limit != before {
			t.Errorf("%s: base, limit = %s, %.1f, want %s, %.1f", test.name, v.base, v.limit, test.base, before)
		}
	}
}

// A measurement that begins while the server is slow ends with fewer requests than before.
func TestProbeWhileSlow(t *testing.T) {
	const ms = time.Millisecond
	s := server{workers: 2, service: 4 * ms}
	v := newVegas(Options{Ceiling: 64, Tolerance: gentle})
	simulate(v, &s, 20*time.Second, nil)
	before, at := v.limit, v.start.Add(probeInterval)
	for !v.probing {
		v.observe(at, at.Add(40*ms), false)
	}
	for at = v.start.Add(ms); v.probing; {
		v.observe(at, at.Add(4*ms), false)
	}
	if v.limit > before/2 {
		t.Errorf("limit = %.1f, want at most half of %.1f", v.limit, before)
	}
}

// A garbage collection of the server, at the start or at some of the probes, does not lead to a long queue
// after it.
func TestSlowPhases(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name   string
		phases []time.Duration // when they begin
	}{
		{"at the start", []time.Duration{0}},
		{"at several probes", []time.Duration{9 * time.Second, 16 * time.Second, 19 * time.Second, 26 * time.Second}},
	}
	for _, test := range tests {
		s := server{workers: 2, service: 3 * ms, jitter: 0.5}
		v := newVegas(Options{Ceiling: 64, Tolerance: gentle})
		longest := 0
		simulate(v, &s, 40*time.Second, func(since time.Duration, s *server) {
			s.service = 3 * ms
			settled := since > 5*time.Second
			for _, begin := range test.phases {
				if since >= begin && since < begin+2500*ms {
					s.service = 15 * ms
				}
				settled = settled && (since < begin || since > begin+3*time.Second)
			}
			if settled {
				longest = max(longest, v.currentLimit())
			}
		})
		if longest > 8 {
			t.Errorf("%s: highest limit = %d, want at most 8", test.name, longest)
		}
	}
}

// The latency of a large server does not matter if there is no tolerance to keep.
func TestOnlyOverloadsMatter(t *testing.T) {
	s := server{workers: 2, service: 50 * time.Millisecond}
	v := newVegas(Options{Ceiling: 32})
	if v.currentLimit() != 4 {
		t.Errorf("first limit = %d, want 4", v.currentLimit())
	}
	if simulate(v, &s, 20*time.Second, nil); v.currentLimit() != 32 {
		t.Errorf("limit = %d without overloads, want the ceiling, 32", v.currentLimit())
	}
	at := v.start.Add(time.Millisecond)
	if v.observe(at, at.Add(time.Millisecond), true); v.currentLimit() != 16 {
		t.Errorf("limit = %d after an overload, want 16", v.currentLimit())
	}
}

// TestFastCausesNoRejections checks that the limit stays below the number of requests at which the server
// rejects some: API Priority and Fairness queues some hundred.
func TestFastCausesNoRejections(t *testing.T) {
	s := server{workers: 2, service: 2 * time.Millisecond, shedAt: 350}
	_, limit, rejected := simulate(newVegas(Options{Ceiling: 512, Tolerance: fast}), &s, 20*time.Second, nil)
	if rejected > 0 {
		t.Errorf("%d requests rejected at a mean limit of %.1f, want 0", rejected, limit)
	}
}

func TestLimitDecreasesOnRejections(t *testing.T) {
	s := server{workers: 2, service: time.Millisecond, shedAt: 6}
	rate, limit, rejected := simulate(newVegas(Options{Ceiling: 64, Tolerance: 8}), &s, 20*time.Second, nil)
	if limit > 8 {
		t.Errorf("mean limit = %.1f, want at most 8, as the server accepts 6", limit)
	}
	if share := float64(rejected) / (rate*10 + float64(rejected)); share > 0.1 {
		t.Errorf("%.0f%% of the requests rejected, want at most 10%%", 100*share)
	}
	if rate < 1500 {
		t.Errorf("rate = %.0f/s, want at least 1500 of 2000", rate)
	}
}

func TestLimitFollowsIncreasingCapacity(t *testing.T) {
	s := server{workers: 2, service: 8 * time.Millisecond, roundTrip: 40 * time.Millisecond}
	v := newVegas(Options{Ceiling: 128, Tolerance: gentle, Distance: s.roundTrip})
	rate, _, _ := simulate(v, &s, 60*time.Second, func(since time.Duration, s *server) {
		if since > 10*time.Second {
			s.service = time.Millisecond
		}
	})
	if rate < 1700 {
		t.Errorf("rate = %.0f/s after the server got faster, want at least 1700 of 2000", rate)
	}
}
