package limiter

import (
	"context"
	"errors"
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
