package rewriter

import (
	"context"
	"fmt"
	"iter"

	"github.com/google/uuid"
)

// recheckSize is how many rewritten objects are all checked again. Of a larger
// number, a random sample of this size is checked, and the rest only if the sample
// finds a problem.
const recheckSize = 1000

// recheck ends a run. It lists again and writes to the objects that appeared,
// changed or failed since the first list, and once more to the rewritten ones or to
// a sample of them. An object is done only after a write that changed nothing. An
// object that changes on every write is unstable: an admission webhook changes it,
// or the API servers disagree about the write key. Its new resourceVersion then
// proves nothing.
func (r *run) recheck(ctx context.Context) error {
	r.enter(PhaseClosing)
	r.closing = true
	r.client.reconnect()
	if !sampling(r.options.Method) {
		if err := r.listAgain(ctx); err != nil {
			return err
		}
	}
	drawn := r.chooseForRecheck(recheckSize)
	if err := r.writeAll(ctx); err != nil {
		return err
	}
	found := r.counts[unstable].Load()
	left := r.counts[rewritten].Load() - drawn
	if found > 0 && left > 0 {
		if 2*found > drawn { // further writes would only cause further changes
			r.moveAll(rewritten, unstable)
		} else {
			r.chooseForRecheck(left + drawn)
			if err := r.writeAll(ctx); err != nil {
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

// listAgain compares the closing list with the inventory and marks the objects that
// need a write.
func (r *run) listAgain(ctx context.Context) error {
	var err error
	r.after, err = r.list(ctx, r.scope, visitor{
		begin: func() {
			for i := range r.inventory.objects {
				r.inventory.objects[i].seen = false
			}
		},
		page: func(p *page) {
			for _, item := range p.items {
				r.compare(item)
			}
		},
	})
	if isUndecryptable(err) && r.partial {
		r.after = ""
		return nil // as in the first list; the objects that it named have failed already
	}
	if err != nil {
		return fmt.Errorf("list %s again: %w", r.resource, explain(err, "list", r.scope))
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
func (r *run) compare(item listed) {
	i := r.inventory.find(item.namespace, item.name)
	if i >= 0 && r.inventory.objects[i].uid != item.uid && item.uid != uuid.Nil {
		switch r.inventory.objects[i].state {
		case pending, deferred, failed:
			r.move(i, gone)
		}
		i = -1
	}
	if i < 0 {
		i = r.add(item)
	}
	o := &r.inventory.objects[i]
	o.seen = true
	changed := o.resourceVersion != item.resourceVersion
	o.resourceVersion = item.resourceVersion
	switch o.state {
	case current:
		if changed {
			r.move(i, pending)
		}
	case rewritten:
		if changed {
			r.move(i, toRecheck)
		}
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
