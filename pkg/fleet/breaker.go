package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

const (
	// breakerAccounts is the number of accounts that an endpoint must fail for, without an answer in between: one
	// account alone may have a slow link, or an endpoint of its own.
	breakerAccounts = 3
	// breakerFailures is the number of failures by which an endpoint fails for an account, unless one of them is slow:
	// quick ones are often gone at the next try, and cost little time.
	breakerFailures = 3
	slowFailure     = time.Second
	// defaultProbeInterval is the time after which an endpoint that was given up is tried again.
	defaultProbeInterval = 15 * time.Second
)

// endpoint is a service in a region. It is the same for all accounts.
type endpoint struct{ service, region string }

// givenUpError is why an endpoint is not called any more.
type givenUpError struct{ endpoint }

func (e *givenUpError) Error() string {
	name := e.service
	if name == serviceAccount {
		name = "AWS Account Management"
	}
	return fmt.Sprintf("%s in %s did not answer in %d accounts; not tried again in this audit", name, e.region,
		breakerAccounts)
}

// breakers stop calls to endpoints that do not answer: a region that hangs must not hold up the others. A breaker opens
// after failures in several accounts without an answer in between. The work on its endpoint then ends at once, and
// waits. As long as the audit has other work, one of those that wait tries again from time to time; an answer closes
// the breaker. When only work of open breakers is left, it is given up.
type breakers struct {
	probeInterval time.Duration
	stop          <-chan struct{} // closed when no more work may begin

	mu  sync.Mutex
	all map[endpoint]*breaker
	// busy counts the work that does not wait for an open breaker. When it is 0, exhausted becomes true.
	busy      int
	exhausted bool
}

type breaker struct {
	endpoint
	open, proven bool           // neither: the endpoint was not called yet
	failures     map[string]int // since the last answer, by account
	lastAnswer   time.Time
	cause        *givenUpError
	tickets      map[*ticket]bool
	probing      bool
	probeAt      time.Time
	changed      chan struct{} // closed and replaced at each change that others may wait for
}

// ticket is admitted work on an endpoint.
type ticket struct {
	cancel context.CancelCauseFunc
	probe  bool
}

// errStopped is why work did not begin after the audit was stopped.
var errStopped = errors.New("the audit was stopped")

func newBreakers(probeInterval time.Duration, stop <-chan struct{}) *breakers {
	if probeInterval <= 0 {
		probeInterval = defaultProbeInterval
	}
	return &breakers{probeInterval: probeInterval, stop: stop, all: map[endpoint]*breaker{}}
}

// of returns the breaker of an endpoint. The caller holds the lock.
func (s *breakers) of(at endpoint) *breaker {
	b := s.all[at]
	if b == nil {
		b = &breaker{
			endpoint: at, failures: map[string]int{}, tickets: map[*ticket]bool{}, changed: make(chan struct{}),
			cause: &givenUpError{endpoint: at},
		}
		s.all[at] = b
	}
	return b
}

func (b *breaker) notify() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// begin adds work that may lead to calls. The caller must call end for each.
func (s *breakers) begin(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += n
}

// end removes work.
func (s *breakers) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle()
}

// idle removes work that ended or waits for an open breaker. The caller holds the lock.
func (s *breakers) idle() {
	if s.busy--; s.busy > 0 {
		return
	}
	s.exhausted = true
	for _, b := range s.all {
		if b.open {
			b.cancelTickets()
			b.notify()
		}
	}
}

func (b *breaker) cancelTickets() {
	for t := range b.tickets {
		t.cancel(b.cause)
	}
}

// run does work that calls an endpoint, possibly several times: when the breaker opens, the context of the work ends,
// and the work begins again if the endpoint answers later. Until an endpoint has answered once, only a few run at the
// same time. work reports whether it is done. run returns an error if the endpoint was given up, or the audit was
// stopped, before.
func (s *breakers) run(ctx context.Context, at endpoint, work func(context.Context) (done bool)) error {
	for {
		t, sub, err := s.admit(ctx, at)
		if err != nil {
			return err
		}
		done := work(sub)
		if opened := s.leave(at, t, context.Cause(sub)); done || !opened {
			return nil
		}
	}
}

// admit waits until work on the endpoint may begin.
func (s *breakers) admit(ctx context.Context, at endpoint) (*ticket, context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, waiting := s.of(at), false
	for {
		if b.open && !waiting {
			waiting = true
			s.idle()
		}
		probe := b.open && b.mayProbe()
		err := s.refused(ctx, b)
		if err == nil && !probe && (b.open || !b.proven && len(b.tickets) >= breakerAccounts) {
			s.wait(ctx, b)
			continue
		}
		if waiting && (err != nil || !probe) {
			s.busy++
		}
		if err != nil {
			return nil, nil, err
		}
		t, sub := b.admit(ctx, probe)
		return t, sub, nil
	}
}

// refused returns why no work may begin; nil if it may, or may later.
func (s *breakers) refused(ctx context.Context, b *breaker) error {
	select {
	case <-s.stop:
		return errStopped
	case <-ctx.Done():
		return errStopped
	default:
	}
	if b.open && s.exhausted {
		return b.cause
	}
	return nil
}

// mayProbe reports whether the endpoint of an open breaker may be tried again now.
func (b *breaker) mayProbe() bool { return !b.probing && !time.Now().Before(b.probeAt) }

func (b *breaker) admit(ctx context.Context, probe bool) (*ticket, context.Context) {
	sub, cancel := context.WithCancelCause(ctx)
	t := &ticket{cancel, probe}
	b.tickets[t] = true
	b.probing = b.probing || probe
	return t, sub
}

// wait waits for a change, with the lock released.
func (s *breakers) wait(ctx context.Context, b *breaker) {
	var probe <-chan time.Time
	if b.open && !b.probing {
		probe = time.After(max(time.Until(b.probeAt), time.Millisecond))
	}
	changed := b.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-changed:
	case <-probe:
	case <-s.stop:
	case <-ctx.Done():
	}
}

// remove ends the work of a ticket. The caller holds the lock.
func (s *breakers) remove(b *breaker, t *ticket) {
	delete(b.tickets, t)
	t.cancel(nil)
	if t.probe {
		b.probing, b.probeAt = false, time.Now().Add(s.probeInterval)
	}
	b.notify()
}

// leave ends work, and reports whether the breaker opened in between.
func (s *breakers) leave(at endpoint, t *ticket, cause error) (opened bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of(at)
	s.remove(b, t)
	if t.probe { // it did not count
		s.busy++
	}
	return errors.Is(cause, b.cause)
}

// check returns an error if the breaker of the endpoint is open, for work that cannot wait. Otherwise the caller must
// call done. While the breaker is open, one caller at a time may try the endpoint again, for a short time.
func (s *breakers) check(ctx context.Context, at endpoint) (sub context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of(at)
	probe := b.open && b.mayProbe()
	if b.open && !probe {
		return nil, nil, b.cause
	}
	t, sub := b.admit(ctx, probe)
	stop := func() bool { return false }
	if probe {
		stop = time.AfterFunc(s.probeInterval/3, func() { t.cancel(b.cause) }).Stop
	}
	return sub, func() {
		stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(b, t)
	}, nil
}

// observe notes the outcome of one attempt of a call to the endpoint.
func (s *breakers) observe(at endpoint, account string, outcome awsclient.Outcome, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of(at)
	switch outcome {
	case awsclient.Answered, awsclient.Throttled:
		b.lastAnswer = time.Now()
		clear(b.failures)
		if b.open || !b.proven {
			b.open, b.proven = false, true
			b.notify()
		}
	case awsclient.NoAnswer:
		if time.Since(b.lastAnswer) < took/2 { // others got an answer while this one waited
			return
		}
		if b.failures[account]++; took >= slowFailure {
			b.failures[account] = breakerFailures
		}
		if !b.hasFailed() {
			return
		}
		if !b.open {
			b.open, b.probeAt = true, time.Now().Add(s.probeInterval)
			b.notify()
		}
		b.cancelTickets() // also of a probe
	}
}

// hasFailed reports whether the endpoint has failed for enough accounts.
func (b *breaker) hasFailed() bool {
	accounts := 0
	for _, n := range b.failures {
		if n >= breakerFailures {
			accounts++
		}
	}
	return accounts >= breakerAccounts
}
