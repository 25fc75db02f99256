package rewriter

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Numbers of objects whose version is read for the positive control: of a sample, so
// that staleness can be shown for each, and of a run over all objects.
const (
	controlSample      = 1000
	controlObjects     = 20
	controlConcurrency = 8
)

// control is the positive control of one resource. An object that was not written since
// before the association is certainly encrypted with an older key: the storage must take
// a no-op write of it.
type control struct {
	// before is a resourceVersion from before the association; 0 if unknown.
	before       uint64
	certain      map[int]bool // indexes of objects whose version is not above before
	passed       int64        // of them, those that the storage took
	contradicted int64        // objects that were refused although they are not above before
}

// controlVersion returns the resourceVersion that associate noted before the
// association; 0 if there is none for this key.
func (o *Options) controlVersion(r Resource) uint64 {
	if r.GroupResource() != Secrets().GroupResource() || !o.Record.matches(o.Cluster.ARN, o.KeyARN) {
		return 0
	}
	version, _ := strconv.ParseUint(o.Record.ResourceVersionBefore, 10, 64)
	return version
}

// observe counts what an object shows, once its state is known. The caller holds the
// lock.
func (c *control) observe(i int, o *object) {
	switch {
	case c.contradicts(o):
		c.contradicted++
	case o.taken && c.certain[i]:
		c.passed++
		delete(c.certain, i) // do not count it again in the closing pass
	}
}

// contradicts reports whether the storage refused the write of an object that it had to take.
func (c *control) contradicts(o *object) bool { return !o.taken && o.resourceVersion <= c.before }

// contradiction is the error that ends a run at an object that contradicts the control.
func (r *run) contradiction(w witness) error {
	return hint.Wrap(fmt.Errorf("%w: %s %s was not written since before the association, but is called current",
		errContradicted, r.resource, w), hintContradicted)
}

// uncertain removes an object from the positive control: another client wrote it, so a write of
// this run no longer shows whether the storage took or refused it.
func (r *run) uncertain(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.control.certain, i)
}

// readControls reads the versions of some pending objects before they are written. It
// needs get on the objects; without it, there is no positive control.
func (r *run) readControls(ctx context.Context) error {
	r.control = control{before: r.options.controlVersion(r.resource), certain: map[int]bool{}}
	if r.control.before == 0 || r.options.admission {
		return nil
	}
	n := int64(controlObjects)
	if sampling(r.options.Method) {
		n = controlSample
	}
	var chosen []int
	choose(r.random, r.counts[pending].Load(), n, r.inState(pending), func(i int) { chosen = append(chosen, i) })
	var mu sync.Mutex
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(controlConcurrency)
	for _, i := range chosen {
		group.Go(func() error {
			o := &r.inventory.objects[i]
			version, err := readVersion(groupContext, r.client.lane(), r.resource, r.inventory.namespace(o), o.name)
			if err == nil && version <= r.control.before {
				// The write names this version: it fails if another client has written the object since.
				o.resourceVersion, o.exact = version, true
				mu.Lock()
				r.control.certain[i] = true
				mu.Unlock()
			}
			if forbiddenByRBAC(err) {
				return err // no further object needs to be tried
			}
			return nil
		})
	}
	if group.Wait() != nil {
		r.control.certain = map[int]bool{}
	}
	return context.Cause(ctx)
}
