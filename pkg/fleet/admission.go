package fleet

import (
	"context"
	"errors"
	"time"
)

// ticket is admitted work on an endpoint.
type ticket struct {
	cancel context.CancelCauseFunc
	probe  bool
}

// run does work that calls an endpoint. When the breaker opens, the context of the work ends; if the endpoint answers
// later, the work begins again. work reports whether it is done. Until an endpoint has answered once, at most
// breakerAccounts run at the same time. run returns an error if the endpoint was given up, or the audit was stopped,
// before the work was done.
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
