package rewriter

import (
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
}

func newHanging() *hanging {
	return &hanging{failures: map[uint32]int{}, reasons: map[uint32]error{}, names: map[uint32]string{}}
}

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
	}
	return h.reasons[namespace] != nil
}

// passed takes note that a write in the namespace succeeded.
func (h *hanging) passed(namespace uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failures, namespace)
	delete(h.reasons, namespace)
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
