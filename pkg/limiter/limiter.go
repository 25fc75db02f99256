// Package limiter determines how many requests to keep in flight, so that other clients
// of the server feel little of them.
//
// Requests queue at a busy server, and the delay of one client is that of all. So the
// limit grows while a request takes the server little longer than it does without this
// client, and shrinks when it takes much longer. A server with few processors reaches this
// at few requests in flight, a large one at many, and a busy one at fewer. The algorithm is
// in the tradition of TCP Vegas: it compares the median latency of a window with the base,
// the latency of the unloaded server, which it measures again from time to time, like BBR.
// Of both, only the part above the round-trip time of the network is the server's. By
// Little's law, L·W1/W0 requests in flight lead to the latency W1, if L lead to W0 and the
// server is saturated. An overload (429, 5xx, a broken connection) halves the limit. If
// the limit is 1 already, the next request waits.
//
// A server that is far away needs no queue to be several times as fast as a client that waits for
// each response. Then the mean number of requests at the server stays constant, below one.
//
// It is hand-written because it has to keep the latency of other clients low, and not
// that of its own requests.
package limiter

import (
	"context"
	"sync"
	"time"
)

// Limiter limits the number of concurrent requests. It is safe for concurrent use.
type Limiter struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu        sync.Mutex
	available sync.Cond
	algorithm algorithm
	backoff   backoff
	inFlight  int
	next      time.Time // the earliest start of the next request
}

// algorithm computes the limit from the latencies of the requests.
type algorithm interface {
	// currentLimit returns how many requests may be in flight now, at least 1.
	currentLimit() int
	// spacing returns the least time between the starts of two requests.
	spacing() time.Duration
	// observe adds one response: when its request was sent, when it was received, and
	// whether the server was overloaded.
	observe(sent, received time.Time, overloaded bool)
	// remeasure prepares for requests of another kind.
	remeasure(now time.Time)
	// raise sets a higher ceiling.
	raise(ceiling int)
}

// Options configure a Limiter.
type Options struct {
	// Ceiling is the highest limit.
	Ceiling int
	// Tolerance is how much longer a request may take the server because of the others in
	// flight, as a multiple of the time that it takes the unloaded server. If it is 0, only
	// overloads lower the limit.
	Tolerance float64
	// Distance is the round-trip time of the network; 0 if it is unknown.
	Distance time.Duration
	// Load is the mean number of requests that are at a server whose Distance is long; the others
	// are on their way. If it is above 0, it replaces the Tolerance.
	Load float64
	// Now is the clock.
	Now func() time.Time
	// Sleep waits until a request may start. Without it, requests start as soon as the limit allows.
	Sleep func(context.Context, time.Duration) error
}

// New returns a limiter.
func New(o Options) *Limiter {
	l := &Limiter{now: o.Now, sleep: o.Sleep, algorithm: newVegas(o)}
	if o.Load > 0 {
		l.algorithm = newDistant(o)
	}
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
		l.release(func() {
			l.backoff.observe(sent, received, overloaded, l.algorithm.currentLimit() == 1)
			l.algorithm.observe(sent, received, overloaded)
		})
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
	wait, err := l.take(ctx)
	if err != nil || wait <= 0 || l.sleep == nil {
		return err
	}
	if err := l.sleep(ctx, wait); err != nil {
		l.release(func() {})
		return err
	}
	return nil
}

// take waits until the limit allows another request, and returns how long it must wait until
// it starts.
func (l *Limiter) take(ctx context.Context) (time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ctx.Err() == nil && l.inFlight >= l.algorithm.currentLimit() {
		l.available.Wait()
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.inFlight++
	now := l.now()
	wait := l.backoff.remaining(now)
	if spacing := l.algorithm.spacing(); spacing > 0 {
		if l.next.Before(now) {
			l.next = now
		}
		wait = max(wait, l.next.Sub(now))
		l.next = l.next.Add(spacing)
	}
	return wait, nil
}

// Raise sets a higher ceiling.
func (l *Limiter) Raise(ceiling int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.algorithm.raise(ceiling)
}

// Remeasure measures the unloaded server again. Call it before requests of another kind, which take
// the server more or less time.
func (l *Limiter) Remeasure() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.algorithm.remeasure(l.now())
}

// Limit returns how many requests may be in flight now.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.algorithm.currentLimit()
}
