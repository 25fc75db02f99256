package fleet

import (
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
	// breakerFailures is the number of quick failures after which an endpoint counts as failed for an account; one slow
	// failure is enough. A quick failure costs little time, and the next attempt often succeeds.
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

// breakers stop calls to endpoints that do not answer, so that a region that hangs does not delay the others. A breaker
// opens after failures in several accounts without an answer in between. The work on its endpoint is then cut short and
// waits. While the audit has other work, the endpoint is tried again from time to time; an answer closes the breaker.
// When all remaining work waits for open breakers, it is given up.
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
