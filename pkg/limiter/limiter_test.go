package limiter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestConcurrencyStaysBelowLimit(t *testing.T) {
	l := New(Options{Ceiling: 3, Now: time.Now})
	var mu sync.Mutex
	inFlight, maximum := 0, 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_ = l.Do(t.Context(), func() bool {
				mu.Lock()
				inFlight++
				maximum = max(maximum, inFlight)
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
	if maximum > 3 || maximum < 2 {
		t.Errorf("maximum concurrency = %d, want 2 or 3", maximum)
	}
}

func TestDoReturnsWhenContextEnds(t *testing.T) {
	l := New(Options{Ceiling: 1, Now: time.Now})
	ctx, cancel := context.WithCancel(t.Context())
	entered, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = l.Do(context.WithoutCancel(ctx), func() bool { close(entered); <-leave; return false })
	}()
	<-entered
	result := make(chan error)
	go func() {
		result <- l.Do(ctx, func() bool { t.Error("the request ran after its context ended"); return false })
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Do = %v, want context.Canceled", err)
	}
	close(leave)
}

// TestSpacing checks that requests to a distant server do not start together.
func TestSpacing(t *testing.T) {
	const distance, spacing = 40 * time.Millisecond, 8 * time.Millisecond // of 4 requests in a round trip
	now := time.Unix(0, 0)
	var waits []time.Duration
	l := New(Options{
		Ceiling: 64, Tolerance: gentle, Distance: distance, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error {
			waits = append(waits, d)
			return nil
		},
	})
	v := l.algorithm.(*vegas)
	v.base, v.limit = distance, 4
	for range 3 {
		if err := l.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(100 * spacing)
	if err := l.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{spacing, 2 * spacing}; !slices.Equal(waits, want) {
		t.Errorf("waits = %v, want %v", waits, want)
	}
}

// A request whose context ends before it may start frees its place.
func TestSpacingEnds(t *testing.T) {
	failure := errors.New("the context ended")
	l := New(Options{
		Ceiling: 2, Tolerance: gentle, Distance: time.Second, Now: func() time.Time { return time.Unix(0, 0) },
		Sleep: func(context.Context, time.Duration) error { return failure },
	})
	v := l.algorithm.(*vegas)
	v.base, v.limit = time.Second, 2
	if err := l.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.acquire(t.Context()); !errors.Is(err, failure) {
			t.Fatalf("acquire = %v, want %v", err, failure)
		}
	}
	if l.inFlight != 1 {
		t.Errorf("in flight = %d, want 1", l.inFlight)
	}
}

// A server that refuses every request at once gets few of them. Once it accepts one, the next one starts at once.
func TestPauseWhileOverloaded(t *testing.T) {
	const down = 2 * time.Minute
	for name, o := range map[string]Options{
		"near":    {Tolerance: gentle},
		"distant": {Distance: 40 * time.Millisecond, Load: 0.5},
		"fast":    {Tolerance: fast},
	} {
		start := time.Unix(1_000_000, 0)
		now := start
		o.Ceiling, o.Now = 64, func() time.Time { return now }
		o.Sleep = func(_ context.Context, d time.Duration) error {
			now = now.Add(d)
			return nil
		}
		l := New(o)
		request := func(overloaded bool) {
			if err := l.Do(t.Context(), func() bool {
				now = now.Add(time.Millisecond)
				return overloaded
			}); err != nil {
				t.Fatal(err)
			}
		}
		requests := 0
		for ; now.Sub(start) < down; requests++ {
			request(true)
		}
		if fewest := int(down / maxPause); requests < fewest || requests > fewest+10 {
			t.Errorf("%s: %d requests in %s, want %d to %d", name, requests, down, fewest, fewest+10)
		}
		request(false)
		accepted := now
		request(false)
		if waited := now.Sub(accepted); waited > 50*time.Millisecond {
			t.Errorf("%s: the next request took %s, want no pause", name, waited)
		}
	}
}

// Requests that were in flight together count as one overload. Others than the only one in flight do not count.
func TestPauseAfterManyOverloads(t *testing.T) {
	const ms = time.Millisecond
	at := time.Unix(1_000_000, 0)
	var b backoff
	for range 64 {
		b.observe(at, at.Add(ms), true, true)
	}
	if got := b.remaining(at.Add(ms)); got != firstPause {
		t.Errorf("pause = %s, want %s", got, firstPause)
	}
	later := at.Add(2 * firstPause)
	b.observe(later, later.Add(ms), true, false)
	if got := b.remaining(later.Add(ms)); got != 0 {
		t.Errorf("pause = %s after an overload of several requests, want 0", got)
	}
}

func TestSpacingOfNearServers(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name string
		v    vegas
		want time.Duration
	}{
		{"near", vegas{limit: 4, tolerance: gentle, distance: ms, measurement: measurement{base: 5 * ms}}, 0},
		{"distant", vegas{limit: 4, tolerance: gentle, distance: 40 * ms, measurement: measurement{base: 45 * ms}}, 9 * ms},
		{"distance unknown", vegas{limit: 4, tolerance: gentle, measurement: measurement{base: 45 * ms}}, 0},
		{"not measured yet", vegas{limit: 1, tolerance: gentle, distance: 40 * ms}, 0},
		{"only overloads matter", vegas{limit: 4, distance: 40 * ms, measurement: measurement{base: 45 * ms}}, 0},
		{"too short to sleep", vegas{limit: 512, tolerance: fast, distance: 40 * ms, measurement: measurement{base: 45 * ms}}, 0},
	}
	for _, test := range tests {
		if got := test.v.spacing(); got != test.want {
			t.Errorf("%s: spacing = %s, want %s", test.name, got, test.want)
		}
	}
}
