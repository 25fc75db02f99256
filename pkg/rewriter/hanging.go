package rewriter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// webhookFailures is how many failures of an admission webhook put a namespace aside.
const webhookFailures = 3

// hanging are the namespaces whose admission webhooks fail or do not respond. Each of
// their writes takes as long as the webhook's timeout, so they must not hold up the
// others: they are put aside, and get their turn when the others are done.
type hanging struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[uint32]int
	reasons  map[uint32]error // of the namespaces that are put aside
	slowness *slowness
	names    map[uint32]string
	waits    map[uint32]wait
	turns    chan struct{} // limits the writes in slow namespaces
}

// wait is the context of the writes in a namespace that wait for their turn.
type wait struct {
	context.Context
	cancel context.CancelFunc
}

// newHanging returns a value for a run with at most so many writes at the same time. now is the clock.
func newHanging(maxConcurrency int, now func() time.Time) *hanging {
	const share = 8 // of the writes, for slow namespaces; and the least number of them
	return &hanging{
		now: now, failures: map[uint32]int{}, reasons: map[uint32]error{}, slowness: newSlowness(),
		names: map[uint32]string{}, waits: map[uint32]wait{},
		turns: make(chan struct{}, min(max(maxConcurrency/share, share), maxConcurrency)),
	}
}

// begin is called before a pass over the objects. The slow namespaces wait for the others.
func (h *hanging) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.waits)
	for namespace := range h.slowness.slow {
		h.reasons[namespace] = errSlow
	}
}

// waiting returns a context for a write that waits for its turn. It ends when the
// namespace is put aside, so that writes that were queued before do not take the turns of
// others. ctx is the same from one call of begin to the next.
func (h *hanging) waiting(ctx context.Context, namespace uint32) context.Context {
	h.mu.Lock()
	defer h.mu.Unlock()
	w, known := h.waits[namespace]
	if !known {
		w.Context, w.cancel = context.WithCancel(ctx)
		h.waits[namespace] = w
		if h.reasons[namespace] != nil {
			w.cancel()
		}
	}
	return w
}

// errPutAside is why a write did not wait longer for its turn.
var errPutAside = errors.New("the namespace is put aside, because its admission webhook fails")

// webhookFailed reports whether an admission webhook failed or did not respond.
func webhookFailed(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook")
}

// observe counts a failure, and reports whether the namespace is put aside.
func (h *hanging) observe(namespace uint32, name string, err error) bool {
	if !webhookFailed(err) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures[namespace]++; h.failures[namespace] >= webhookFailures || h.slowness.slow[namespace] {
		h.putAside(namespace, name, err)
	}
	return h.reasons[namespace] != nil
}

// late notes that a write takes long, and puts its namespace aside if it is slow.
func (h *hanging) late(namespace uint32, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slowness.late(namespace) {
		h.putAside(namespace, name, errSlow)
	}
}

// putAside puts a namespace aside and ends its waiting writes. The caller holds the lock.
func (h *hanging) putAside(namespace uint32, name string, reason error) {
	h.reasons[namespace], h.names[namespace] = reason, name
	if w, known := h.waits[namespace]; known {
		w.cancel()
	}
}

// do runs a write in a namespace when the limiter allows it. write returns whether the server was overloaded.
// Writes in slow namespaces are limited apart from the others, because their latency says nothing about the
// API server.
func (h *hanging) do(ctx context.Context, l *limiter.Limiter, namespace uint32, name string, write func() bool) error {
	ctx = h.waiting(ctx, namespace)
	h.mu.Lock()
	slow, patience := h.slowness.slow[namespace], h.slowness.patience()
	h.mu.Unlock()
	write = h.timed(namespace, write)
	if !slow {
		return l.DoWithin(ctx, patience, func() { h.late(namespace, name) }, write)
	}
	select {
	case h.turns <- struct{}{}:
		defer func() { <-h.turns }()
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	write()
	return nil
}

// timed returns a function that runs a write and notes how long it took.
func (h *hanging) timed(namespace uint32, write func() (overloaded bool)) func() bool {
	return func() bool {
		sent := h.now()
		overloaded := write()
		if !overloaded {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.slowness.finished(namespace, h.now().Sub(sent))
		}
		return overloaded
	}
}

// passed takes note that a write in the namespace succeeded.
func (h *hanging) passed(namespace uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failures, namespace)
	if h.reasons[namespace] != nil && !h.slowness.slow[namespace] {
		delete(h.reasons, namespace)
		delete(h.waits, namespace)
	}
}

// reason returns why a namespace is put aside; nil if it is not.
func (h *hanging) reason(namespace uint32) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reasons[namespace]
}

// retry lets each namespace try again until its next failure.
func (h *hanging) retry() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for namespace := range h.reasons {
		h.failures[namespace] = webhookFailures - 1
		delete(h.waits, namespace)
	}
	clear(h.reasons)
}

// String describes the namespaces that hold up the run; empty if there are none.
func (h *hanging) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, err := range h.reasons {
		_, message := describe(err)
		return fmt.Sprintf("%s put aside, such as %s: %s", count(int64(len(h.reasons)), "namespace", "namespaces"),
			h.names[n], message)
	}
	for n := range h.slowness.slow {
		return fmt.Sprintf("%s, such as %s: %v", count(int64(len(h.slowness.slow)), "slow namespace", "slow namespaces"),
			h.names[n], errSlow)
	}
	return ""
}
