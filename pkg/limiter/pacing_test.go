package limiter

import (
	"container/heap"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// server is a simulated API server: workers that each take the service time,
// behind a wire with a round trip. A waiting line longer than shedAt is refused.
type server struct {
	workers   int
	service   time.Duration
	roundTrip time.Duration
	shedAt    int // 0: never
	jitter    float64
}

type arrival struct {
	sent, came time.Time
	overloaded bool
}
type arrivals []arrival

func (a arrivals) Len() int           { return len(a) }
func (a arrivals) Less(i, j int) bool { return a[i].came.Before(a[j].came) }
func (a arrivals) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)        { *a = append(*a, x.(arrival)) }
func (a *arrivals) Pop() any          { x := (*a)[len(*a)-1]; *a = (*a)[:len(*a)-1]; return x }

// simulate lets the law run against the server for the given time and returns
// the answers a second and the mean limit over the second half of it. During
// the run, change is called with the time since the start.
func simulate(law *Law, s *server, length time.Duration, change func(time.Duration, *server)) (rate, limit float64, refused int) {
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Unix(1_000_000, 0)
	now := begin
	free := make([]time.Time, s.workers) // when each worker is free
	var line arrivals
	var answers, limits, looks float64
	for now.Sub(begin) < length {
		if change != nil {
			change(now.Sub(begin), s)
		}
		for len(line) < law.Limit() {
			first := 0
			for i := range free {
				if free[i].Before(free[first]) {
					first = i
				}
			}
			reach := now.Add(s.roundTrip / 2)
			if s.shedAt > 0 && len(line) >= s.shedAt {
				heap.Push(&line, arrival{now, reach.Add(s.roundTrip/2 + time.Millisecond/2), true})
				continue
			}
			begun := reach
			if free[first].After(begun) {
				begun = free[first]
			}
			took := time.Duration(float64(s.service) * (1 + s.jitter*(2*random.Float64()-1)))
			free[first] = begun.Add(took)
			heap.Push(&line, arrival{now, free[first].Add(s.roundTrip / 2), false})
		}
		a := heap.Pop(&line).(arrival)
		now = a.came
		law.Answer(a.sent, a.came, a.overloaded)
		if now.Sub(begin) > length/2 {
			looks++
			limits += float64(law.Limit())
			if a.overloaded {
				refused++
			} else {
				answers++
			}
		}
	}
	return answers / (length / 2).Seconds(), limits / looks, refused
}

func TestLawFindsTheKnee(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name        string
		server      server
		ceiling     int
		minShare    float64 // of what the server can do at all
		mostWaiting float64 // on average, of those in flight
	}{
		{"two workers near by", server{workers: 2, service: ms}, 64, 0.95, 13},
		{"two workers, uneven requests", server{workers: 2, service: ms, jitter: 0.8}, 64, 0.95, 13},
		{"two slow workers, uneven requests", server{workers: 2, service: 15 * ms, jitter: 0.8}, 64, 0.95, 5},
		{"two workers 40 ms away", server{workers: 2, service: ms, roundTrip: 40 * ms}, 128, 0.95, 46},
		{"two slower workers 40 ms away", server{workers: 2, service: 4 * ms, roundTrip: 40 * ms}, 64, 0.95, 13},
		{"many workers near by", server{workers: 32, service: 5 * ms, jitter: 0.5}, 64, 0.95, 18},
		{"a ceiling that asks for throughput", server{workers: 32, service: 5 * ms, roundTrip: 40 * ms}, 512, 0.97, 260},
		{"such a ceiling, a small server", server{workers: 2, service: 2 * ms}, 512, 0.97, 260},
		{"one slow worker", server{workers: 1, service: 20 * ms}, 64, 0.95, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			capacity := float64(test.server.workers) / test.server.service.Seconds()
			rate, limit, _ := simulate(NewLaw(test.ceiling), &test.server, 40*time.Second, nil)
			waiting := limit - rate*(test.server.service+test.server.roundTrip).Seconds() // by Little's law
			t.Logf("%.0f/s of %.0f, mean limit %.1f, of which %.1f wait", rate, capacity, limit, waiting)
			if rate < test.minShare*capacity {
				t.Errorf("rate = %.0f/s, want at least %.0f%% of %.0f", rate, 100*test.minShare, capacity)
			}
			if waiting > test.mostWaiting {
				t.Errorf("%.1f requests only wait, want %.0f at most", waiting, test.mostWaiting)
			}
		})
	}
}

func TestLawRespectsItsCeiling(t *testing.T) {
	s := server{workers: 1000, service: time.Millisecond, roundTrip: 40 * time.Millisecond}
	_, limit, _ := simulate(NewLaw(8), &s, 10*time.Second, nil)
	if limit > 8 {
		t.Errorf("mean limit = %.1f, want at most 8", limit)
	}
}

func TestLawBacksOffForOthers(t *testing.T) {
	s := server{workers: 32, service: 5 * time.Millisecond}
	law := NewLaw(64)
	simulate(law, &s, 15*time.Second, nil)
	alone := law.Limit()
	// Others take three quarters of the server: each of our requests takes four times as long.
	for range 20 { // windows, before the base is looked at again
		for range law.window() {
			at := law.opened.Add(time.Millisecond)
			law.Answer(at, at.Add(4*s.service), false)
		}
	}
	if law.Limit() > alone/2 {
		t.Errorf("limit = %d while others load the server, want at most half of the %d of before", law.Limit(), alone)
	}
}

// API Priority and Fairness queues some hundred requests and refuses the rest.
func TestARaisedCeilingIsNotRefused(t *testing.T) {
	s := server{workers: 2, service: 2 * time.Millisecond, shedAt: 350}
	_, limit, refused := simulate(NewLaw(512), &s, 20*time.Second, nil)
	if refused > 0 {
		t.Errorf("%d requests were refused at a mean limit of %.1f, want none", refused, limit)
	}
}

func TestLawYieldsToRefusals(t *testing.T) {
	s := server{workers: 2, service: time.Millisecond, shedAt: 6}
	rate, limit, refused := simulate(NewLaw(64), &s, 20*time.Second, nil)
	if limit > 8 {
		t.Errorf("mean limit = %.1f, want to stay near the 6 that the server takes", limit)
	}
	if share := float64(refused) / (rate*10 + float64(refused)); share > 0.1 {
		t.Errorf("%.0f%% of the requests were refused, want at most 10%%", 100*share)
	}
	if rate < 1500 {
		t.Errorf("rate = %.0f/s, want at least 1500 of 2000", rate)
	}
}

func TestLawFollowsACapacityThatReturns(t *testing.T) {
	s := server{workers: 2, service: 8 * time.Millisecond, roundTrip: 40 * time.Millisecond}
	rate, _, _ := simulate(NewLaw(128), &s, 60*time.Second, func(since time.Duration, s *server) {
		if since > 10*time.Second {
			s.service = time.Millisecond
		}
	})
	if rate < 1700 {
		t.Errorf("rate = %.0f/s after the server got faster, want at least 1700 of 2000", rate)
	}
}

func TestLimiterNeverExceedsTheLaw(t *testing.T) {
	l := NewLimiter(3, time.Now)
	var mu sync.Mutex
	inFlight, most := 0, 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_ = l.Do(t.Context(), func() bool {
				mu.Lock()
				inFlight++
				most = max(most, inFlight)
				mu.Unlock()
				time.Sleep(time.Millisecond / 4)
				mu.Lock()
				inFlight--
				mu.Unlock()
				return false
			})
		})
	}
	wg.Wait()
	if most > 3 || most < 2 {
		t.Errorf("at most %d requests were in flight, want 2 or 3", most)
	}
}

func TestLimiterStopsWaitingWithItsContext(t *testing.T) {
	l := NewLimiter(1, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	entered, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = l.Do(context.WithoutCancel(ctx), func() bool { close(entered); <-leave; return false })
	}()
	<-entered
	failed := make(chan error)
	go func() { failed <- l.Do(ctx, func() bool { t.Error("ran although cancelled"); return false }) }()
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	close(leave)
}
