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
