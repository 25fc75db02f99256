// Package limiter determines how many requests to keep in flight: enough to keep the
// server busy, with only a short queue in front of it.
//
// The algorithm is that of TCP Vegas. Like BBR, it measures the minimum round-trip
// time again from time to time. By Little's law, if L requests are in flight with
// latency W, and an unloaded server responds in W0, then L·(1−W0/W) of them are queued.
// The algorithm keeps that queue short, in requests and in time. So the limit stays
// where more concurrency would add latency but no throughput, and it decreases when
// other clients need the server. An overload (429, 5xx, a broken connection) halves
// the limit.
//
// It is hand-written because it has to keep the latency of other clients low: the
// queue time is limited, and the limit has a ceiling.
package limiter

import (
	"context"
	"sync"
	"time"
)

// Limiter limits the number of concurrent requests. It is safe for concurrent use.
type Limiter struct {
	now func() time.Time

	mu        sync.Mutex
	available sync.Cond
	algorithm *vegas
	inFlight  int
}

// New returns a limiter that never allows more than ceiling requests; now is
// the clock.
func New(ceiling int, now func() time.Time) *Limiter {
	l := &Limiter{now: now, algorithm: newVegas(ceiling)}
	l.available.L = &l.mu
	return l
}

// Do waits until the limit allows another request, and runs it. The request returns
// whether the server was overloaded. If the context ends before, Do returns its error
// and does not run the request.
func (l *Limiter) Do(ctx context.Context, request func() (overloaded bool)) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	l.run(request)()
	return nil
}

// DoWithin is Do for a request that may hang for a reason that does not concern the others.
// After d it no longer counts as one in flight, its latency is not observed, and late is called.
func (l *Limiter) DoWithin(
	ctx context.Context, d time.Duration, late func(), request func() (overloaded bool),
) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	var end sync.Once
	timer := time.AfterFunc(d, func() {
		end.Do(func() {
			l.release(func() {})
			late()
		})
	})
	defer timer.Stop()
	end.Do(l.run(request))
	return nil
}

// run runs a request and returns what ends it.
func (l *Limiter) run(request func() (overloaded bool)) (end func()) {
	sent := l.now()
	overloaded := request()
	received := l.now()
	return func() {
		l.release(func() { l.algorithm.observe(sent, received, overloaded) })
	}
}

// release ends a request, and lets the next ones begin.
func (l *Limiter) release(observe func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	observe()
	for range max(l.algorithm.currentLimit()-l.inFlight, 0) {
		l.available.Signal()
	}
}

func (l *Limiter) acquire(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.available.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil && l.inFlight >= l.algorithm.currentLimit() {
		l.available.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.inFlight++
	return nil
}

// Limit returns how many requests may be in flight now.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.algorithm.currentLimit()
}
