package rewriter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// webhookFailures is how many failures of an admission webhook put a namespace aside.
const webhookFailures = 3

// hanging are the namespaces whose admission webhooks fail or do not respond. Each of
// their writes takes as long as the webhook's timeout, so they must not hold up the
// others.
type hanging struct {
	mu       sync.Mutex
	failures map[uint32]int
	reasons  map[uint32]error
	names    map[uint32]string
	waits    map[uint32]wait
}

// wait is the context of the writes in a namespace that wait for their turn.
type wait struct {
	context.Context
	cancel context.CancelFunc
}

func newHanging() *hanging {
	return &hanging{
		failures: map[uint32]int{}, reasons: map[uint32]error{}, names: map[uint32]string{}, waits: map[uint32]wait{},
	}
}

// begin is called before a pass over the objects.
func (h *hanging) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.waits)
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
	if h.failures[namespace]++; h.failures[namespace] >= webhookFailures {
		h.reasons[namespace], h.names[namespace] = err, name
		if w, known := h.waits[namespace]; known {
			w.cancel()
		}
	}
	return h.reasons[namespace] != nil
}

// passed takes note that a write in the namespace succeeded.
func (h *hanging) passed(namespace uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failures, namespace)
	if h.reasons[namespace] != nil {
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

// String describes the namespaces that are put aside; empty if there are none.
func (h *hanging) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, err := range h.reasons {
		_, message := describe(err)
		return fmt.Sprintf("%s put aside, such as %s: %s", count(int64(len(h.reasons)), "namespace", "namespaces"),
			h.names[n], message)
	}
	return ""
}
