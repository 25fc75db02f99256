package rewriter

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// recheckAll is up to how many rewritten objects are all written once more. Of
// more of them as many are drawn, and the others follow if those give cause.
const recheckAll = 1000

// close ends a run: whatever appeared, was changed by others, or failed since the
// first list is examined (again), and of what was rewritten each object or a
// sample is written once more. Every one of these writes must be refused in the
// end. An object that changes with every write says that an admission webhook
// changes it, or that the API servers disagree about the write key; then a new
// resourceVersion means nothing.
func (r *run) close(ctx context.Context) error {
	r.enter(PhaseClosing)
	r.closing = true
	r.client.Reconnect() // let another API server have its say, where there are several
	if !sampling(r.options.Method) {
		if err := r.listAgain(ctx); err != nil {
			return err
		}
	}
	drawn := r.recheck(recheckAll)
	if err := r.pass(ctx); err != nil {
		return err
	}
	unsettled := r.counts[restless].Load()
	left := r.counts[rewritten].Load() - drawn
	if unsettled > 0 && left > 0 {
		if 2*unsettled > drawn { // further writes would only be further changes
			r.moveAll(rewritten, restless)
		} else {
			r.recheck(left + drawn)
			if err := r.pass(ctx); err != nil {
				return err
			}
		}
	}
	if n := r.counts[restless].Load(); n > 0 {
		r.note("%d %s change again with every write that changes nothing: an admission webhook changes objects on write (or the API servers disagree about the write key), so staleness can't be told from it",
			n, r.resource)
	}
	return nil
}

// listAgain compares the closing list with the inventory and marks what has to
// be examined.
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
	if undecryptable(err) && r.partial {
		r.after = ""
		return nil // as the first list; what it named has failed already
	}
	if err != nil {
		return fmt.Errorf("listing %s once more: %w", r.resource, explain(err, "list", r.scope))
	}
	for i := range r.inventory.objects {
		switch o := &r.inventory.objects[i]; o.state {
		case pending, aside, failed:
			if !o.seen {
				r.move(i, gone)
			}
		}
	}
	return nil
}

// compare marks one object of the closing list.
func (r *run) compare(item listed) {
	i := r.inventory.find(item.namespace, item.name)
	if i >= 0 && r.inventory.objects[i].uid != item.uid && item.uid != uuid.Nil {
		switch r.inventory.objects[i].state {
		case pending, aside, failed:
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
			r.move(i, recheck)
		}
	case aside, failed, gone:
		r.move(i, pending)
	}
}

// recheck marks up to n of the rewritten objects, drawn at random, and returns
// how many are marked.
func (r *run) recheck(n int64) int64 {
	draw(r.dice, r.counts[rewritten].Load(), n, func(yield func(int) bool) {
		for i := range r.inventory.objects {
			if r.inventory.objects[i].state == rewritten && !yield(i) {
				return
			}
		}
	}, func(i int) { r.move(i, recheck) })
	return r.counts[recheck].Load()
}

func (r *run) moveAll(from, to state) {
	for i := range r.inventory.objects {
		if r.inventory.objects[i].state == from {
			r.move(i, to)
		}
	}
}
