package rewriter

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

const (
	maxTries       = 3  // attempts before an object is deferred to the next round
	maxConflicts   = 5  // conflicts before an object fails
	forbiddenLimit = 20 // Forbidden responses, with no success, that abort the run
)

// writeAll sends a write to every object that is pending or to be rechecked. It
// then repeats this, in rounds, for the objects that were deferred.
func (r *run) writeAll(ctx context.Context, s *servers) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.hanging.begin()
	r.limiter.Remeasure() // writes of another resource, or the closing ones, take the server another time
	watched := r.guard.watch(ctx, stop)
	defer watched()
	confined := r.keepConfined(ctx, s, stop)
	defer confined()
	started := r.now()
	for round := 0; ; round++ {
		done := r.done()
		r.writeRound(ctx, stop)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if r.counts[deferred].Load() == 0 {
			return nil
		}
		if r.done() == done && r.now().Sub(started) > shortPatience {
			return nil // the objects that are still deferred fail for a reason of their own
		}
		if err := r.sleep(ctx, pause(round+2, nil, r.jitter())); err != nil {
			return err
		}
		r.hanging.retry()
		r.moveAll(deferred, pending)
	}
}

// done returns the number of objects that need no further write.
func (r *run) done() int64 {
	return r.counts[current].Load() + r.counts[rewritten].Load() + r.counts[gone].Load()
}

// writeRound runs the workers until each object had its turn. The limiter decides
// how many of them send at the same time.
func (r *run) writeRound(ctx context.Context, stop context.CancelCauseFunc) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range r.options.MaxConcurrency {
		workers.Go(func() { r.worker(ctx, stop, &next) })
	}
	workers.Wait()
}

// worker takes one object after the other; next is the shared counter.
func (r *run) worker(ctx context.Context, stop context.CancelCauseFunc, next *atomic.Int64) {
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= len(r.inventory.objects) {
			return
		}
		o := &r.inventory.objects[i]
		if o.state != pending && o.state != toRecheck {
			continue
		}
		if err := r.hanging.reason(o.namespace); err != nil {
			r.deferObject(i, err)
			continue
		}
		r.writeOne(ctx, stop, i)
	}
}

// writeOne sends writes to object i until its state is known or it is deferred. If
// the context ends, the object keeps its state.
func (r *run) writeOne(ctx context.Context, stop context.CancelCauseFunc, i int) {
	o := &r.inventory.objects[i]
	conditional := o.exact // send the resourceVersion
	tries, conflicts := 0, 0
	for {
		named := o.resourceVersion
		if !conditional {
			named = 0
		}
		after, sent, err := r.send(ctx, o, named)
		if !sent {
			if errors.Is(err, errPutAside) {
				r.deferObject(i, cmp.Or(r.hanging.reason(o.namespace), err))
			}
			return
		}
		switch classify(o.resourceVersion, after, err) {
		case unchanged:
			o.resourceVersion, o.exact = after, true
			r.markDone(i)
			if r.control.contradicts(o) { // further writes may move objects back to the older key
				stop(r.contradiction(witness{namespace: r.inventory.namespace(o), name: o.name}))
			}
			return
		case written:
			// Of an unconditional write it is unknown who made the storage write: this run,
			// or another client since the list. The object is current either way.
			again := conditional && o.taken
			o.resourceVersion, o.exact, o.taken = after, true, true
			r.guard.wrote(ctx)
			r.limiter.Raise(r.options.MaxConcurrency)
			switch {
			case !r.closing:
				r.markDone(i)
				return
			case again:
				r.move(i, unstable)
				if !r.tolerant {
					stop(errUnstable)
				}
				return
			}
			conditional = true
		case deleted:
			r.move(i, gone)
			return
		case conflicted:
			if conflicts++; conflicts > maxConflicts {
				if o.taken { // an unconditional write succeeded; others write the object all the time
					r.markDone(i)
				} else {
					r.fail(i, err)
				}
				return
			}
			conditional = false
			r.uncertain(i)
		case rejected:
			r.fail(i, err)
			switch {
			case errors.Is(err, errUnexpectedKind):
				stop(err)
			case noSpace(err):
				stop(explainNoSpace(err))
			}
			return
		case forbidden:
			r.fail(i, err)
			if r.forbiddenCount.Add(1) >= forbiddenLimit && !r.authorized.Load() {
				stop(explain(err, "patch", r.scope))
			}
			return
		case retryable:
			if lasts := r.silence.lasts(r.now()); lasts > r.patience {
				r.fail(i, err)
				stop(noResponse(lasts, err))
				return
			}
			if tries++; tries == maxTries || r.hanging.observe(o.namespace, r.inventory.namespace(o), err) {
				r.deferObject(i, err)
				return
			}
			if r.sleep(ctx, pause(tries-1, err, r.jitter())) != nil {
				return
			}
		}
	}
}

// markDone moves an object that is proven current, and remembers the first ones.
func (r *run) markDone(i int) {
	o := &r.inventory.objects[i]
	if o.taken {
		r.move(i, rewritten)
	} else {
		r.move(i, current)
	}
	r.hanging.passed(o.namespace)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.witness(witness{namespace: r.inventory.namespace(o), name: o.name, version: o.resourceVersion})
	r.control.observe(i, o)
}

// send sends one no-op write when the limiter allows it. If the context ends while
// the write is in flight, send waits for the response, so that it is counted. sent
// is false if the context ended before.
func (r *run) send(ctx context.Context, o *object, named uint64) (after uint64, sent bool, err error) {
	if r.qps != nil && r.qps.Wait(ctx) != nil {
		return 0, false, nil
	}
	waited, err := r.guard.wait(ctx)
	if err != nil {
		return 0, false, nil
	}
	if waited { // the silence of a pause is not that of the server
		r.silence.end(r.now())
	}
	sending := context.WithoutCancel(ctx)
	namespace := r.inventory.namespace(o)
	if r.hanging.do(ctx, r.limiter, o.namespace, namespace, func() bool {
		after, err = noopWrite(sending, r.client.lane(), r.resource, namespace, o.name, named)
		return overloaded(err)
	}) != nil {
		if ctx.Err() == nil {
			err = errPutAside
		}
		return 0, false, err
	}
	if transient(err) {
		r.silence.failed(err)
		return after, true, err
	}
	r.silence.end(r.now())
	r.responded.Store(true)
	if !forbiddenByRBAC(err) {
		r.authorized.Store(true)
	}
	return after, true, err
}
