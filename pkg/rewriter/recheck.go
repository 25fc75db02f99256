package rewriter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// recheckSize is how many rewritten objects are all checked again. Of a larger
// number, a random sample of this size is checked, and the rest only if the sample
// finds a problem.
const recheckSize = 1000

// recheck ends the run of one resource. It lists again and writes to the objects that
// appeared or failed since the first list, and once more to the rewritten ones or to a
// sample of them. An object is done only after a write that changed nothing. An object
// that changes on every write is unstable: an admission webhook changes it, or the API
// servers disagree about the write key. Its new resourceVersion then proves nothing.
//
// A server that lags moves the objects back. So all servers must still agree before these
// writes, and again as soon as one object changes.
func (r *run) recheck(ctx context.Context, s *servers) error {
	r.enter(PhaseClosing)
	r.closing = true
	if !sampling(r.options.Method) {
		if err := r.listAgain(ctx); err != nil {
			return err
		}
		if err := r.agreeLate(ctx, s); err != nil {
			return err
		}
	}
	if agree, err := r.stillAgree(ctx, s); err != nil || !agree {
		return err
	}
	drawn := r.chooseForRecheck(recheckSize)
	if agree, err := r.writeClosing(ctx, s); err != nil || !agree {
		return err
	}
	err := r.confirmGone(ctx, !sampling(r.options.Method), func([]int) (bool, error) { return r.writeClosing(ctx, s) })
	if err != nil {
		return err
	}
	found := r.counts[unstable].Load()
	left := r.counts[rewritten].Load() - drawn
	if found > 0 && left > 0 {
		if 2*found > drawn { // further writes would only cause further changes
			r.moveAll(rewritten, unstable)
		} else {
			r.chooseForRecheck(left + drawn)
			if err := r.writeAll(ctx, s); err != nil {
				return err
			}
		}
	}
	if n := r.counts[unstable].Load(); n > 0 {
		r.note("%d %s change on every no-op write, so it is unknown whether they were stale: an admission webhook "+
			"changes objects on write, or the API servers disagree about the write key", n, r.resource)
	}
	return nil
}

// writeClosing sends the closing writes. If an object changes, it goes on only if the API servers still agree, and
// reports whether they do.
func (r *run) writeClosing(ctx context.Context, s *servers) (agree bool, err error) {
	err = r.writeAll(ctx, s)
	if errors.Is(err, errUnstable) {
		if agree, err := r.stillAgree(ctx, s); err != nil || !agree {
			return false, err
		}
		r.tolerant = true
		err = r.writeAll(ctx, s)
	}
	return err == nil, err
}

// agreeLate compares the servers before the first object of the closing list is written, if nothing was compared
// before: the first list had no objects, or none that still existed. Only in the first case no object was judged
// before the comparison.
func (r *run) agreeLate(ctx context.Context, s *servers) error {
	before := r.agreement.Before
	if before != "" && len(r.witnesses) > 0 {
		return nil
	}
	err := r.agreeBefore(ctx, s)
	if before != "" && r.agreement.Before == v1alpha1.Agree {
		r.agreement.Before = before
	}
	return err
}

// errUnstable ends the closing writes when the first object changes.
var errUnstable = errors.New("an object changes on every write")

// stillAgree reports whether the API servers still agree, or their metrics show that they keep the key. If it is
// unknown, nothing more of this resource is written. If they disagree, it returns an error.
func (r *run) stillAgree(ctx context.Context, s *servers) (bool, error) {
	if r.counts[rewritten].Load()+r.counts[toRecheck].Load()+r.counts[pending].Load() == 0 {
		return true, nil // nothing is written
	}
	if err := s.renew(ctx); err != nil {
		return false, err
	}
	if err := r.agreeAfter(ctx, s, false); err != nil {
		return false, err
	}
	switch {
	case r.agreement.After == v1alpha1.Disagree:
		return false, disagreement("one of them took a no-op write of an object that was current before")
	case r.agreement.After == v1alpha1.Agree, r.agreement.After == "" && len(s.voters()) < 2:
	case !s.keepKey(ctx):
		r.note("the API servers could not be compared again: none of the %s that were proven first is unchanged and can be "+
			"written. So nothing more was written to %s: run it again, or let the user read /metrics "+
			"(`kubectl eks-encrypt generate rbac`)", r.resource, r.resource)
		return false, nil
	}
	return true, nil
}

// listAgain compares the closing list with the inventory and marks the objects that
// need a write.
func (r *run) listAgain(ctx context.Context) error {
	for i := range r.inventory.objects {
		r.inventory.objects[i].seen = false
	}
	var mu sync.Mutex
	l, err := r.listScope(ctx, func(namespace string) visitor {
		return visitor{begin: func() {}, page: func(p *page, version uint64) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range p.names {
				r.compare(namespace, name, version)
			}
		}}
	})
	if err != nil {
		return fmt.Errorf("list again: %w", err)
	}
	r.after = l.version
	if err := r.confirmOrphans(ctx, r.orphans && l.orphans); err != nil {
		return fmt.Errorf("list again: %w", err)
	}
	if len(l.unreadable) > 0 {
		r.after = ""
		return nil // the objects that are named have failed already
	}
	for i := range r.inventory.objects {
		switch o := &r.inventory.objects[i]; o.state {
		case pending, deferred, failed:
			if !o.seen {
				r.move(i, gone)
			}
		}
	}
	return nil
}

// compare updates the state of one object of the closing list.
func (r *run) compare(namespace, name string, listVersion uint64) {
	i := r.inventory.find(namespace, name)
	if i < 0 {
		i = r.add(namespace, name, listVersion)
	}
	o := &r.inventory.objects[i]
	o.seen = true
	if o.resourceVersion == 0 {
		o.resourceVersion = listVersion
	}
	switch o.state {
	case deferred, failed, gone:
		r.move(i, pending)
	}
}

// chooseForRecheck marks up to n of the rewritten objects, chosen at random, and
// returns how many objects are marked in total.
func (r *run) chooseForRecheck(n int64) int64 {
	choose(r.random, r.counts[rewritten].Load(), n, r.inState(rewritten), func(i int) { r.move(i, toRecheck) })
	return r.counts[toRecheck].Load()
}

func (r *run) moveAll(from, to state) {
	for i := range r.inState(from) {
		r.move(i, to)
	}
}

// inState iterates over the indexes of the objects in a state.
func (r *run) inState(s state) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range r.inventory.objects {
			if r.inventory.objects[i].state == s && !yield(i) {
				return
			}
		}
	}
}
