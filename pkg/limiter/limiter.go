package limiter

import (
	"context"
	"sync"
	"time"
)

// Limiter lets as many requests pass at once as its law allows. It is safe for
// concurrent use.
type Limiter struct {
	now func() time.Time

	mu       sync.Mutex
	room     sync.Cond
	law      *Law
	inFlight int
}

// NewLimiter returns a limiter with a law of its own; now is the clock.
func NewLimiter(ceiling int, now func() time.Time) *Limiter {
	l := &Limiter{now: now, law: NewLaw(ceiling)}
	l.room.L = &l.mu
	return l
}

// Do waits for room, runs the request, and lets the law know how it went: the
// request says whether the server was overloaded. The error is the context's,
// and then the request did not run.
func (l *Limiter) Do(ctx context.Context, request func() (overloaded bool)) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	sent := l.now()
	overloaded := request()
	came := l.now()

	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.law.Answer(sent, came, overloaded)
	for range max(l.law.Limit()-l.inFlight, 0) {
		l.room.Signal()
	}
	return nil
}

func (l *Limiter) enter(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.room.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.inFlight >= l.law.Limit() {
		if err := ctx.Err(); err != nil {
			return err
		}
		l.room.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.inFlight++
	return nil
}

// Limit is how many requests may be in flight now.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.law.Limit()
}
