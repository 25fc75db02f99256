package rewriter

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxTries       = 3  // attempts before an object is deferred to the next round
	maxConflicts   = 5  // conflicts before an object fails
	forbiddenLimit = 20 // Forbidden responses, with no success, that abort the run
)

// writeAll sends a write to every object that is pending or to be rechecked. It
// then repeats this, in rounds, for the objects that were deferred.
func (r *run) writeAll(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
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
		if s := r.inventory.objects[i].state; s == pending || s == toRecheck {
			r.writeOne(ctx, stop, i)
		}
	}
}

// writeOne sends writes to object i until its state is known or it is deferred. If
// the context ends, the object keeps its state.
func (r *run) writeOne(ctx context.Context, stop context.CancelCauseFunc, i int) {
	o := &r.inventory.objects[i]
	conditional := true // send the resourceVersion
	tries, conflicts := 0, 0
	for {
		before := o.resourceVersion
		if !conditional {
			before = 0
		}
		after, sent, err := r.send(ctx, o, before)
		if !sent {
			return
		}
		switch classify(before, after, err) {
		case unchanged:
			r.markDone(i)
			return
		case written:
			o.resourceVersion = after
			// After a conflict the object is current whichever writer won. If an
			// earlier write of ours got no response, assume that the conflict was
			// with that write.
			again := conditional && o.ours
			o.ours = o.ours || conditional || o.lost
			switch {
			case !r.closing:
				r.markDone(i)
				return
			case again:
				r.move(i, unstable)
				return
			}
			conditional = true
		case deleted:
			r.move(i, gone)
			return
		case conflicted:
			if conflicts++; conflicts > maxConflicts {
				r.fail(i, err)
				return
			}
			conditional = false
		case rejected:
			r.fail(i, err)
			if errors.Is(err, errUnexpectedKind) {
				stop(err)
			}
			return
		case forbidden:
			r.fail(i, err)
			if r.forbiddenCount.Add(1) >= forbiddenLimit && !r.authorized.Load() {
				stop(explain(err, "patch", r.scope))
			}
			return
		case retryable:
			o.lost = o.lost || maybeDone(err)
			if silence := r.now().Sub(time.Unix(0, r.lastResponse.Load())); silence > r.patience {
				r.fail(i, err)
				stop(noResponse(silence, err))
				return
			}
			if tries++; tries == maxTries {
				r.deferObject(i, err)
				return
			}
			if r.sleep(ctx, pause(tries-1, err, r.jitter())) != nil {
				return
			}
		}
	}
}

// markDone moves an object that is proven current.
func (r *run) markDone(i int) {
	if r.inventory.objects[i].ours {
		r.move(i, rewritten)
	} else {
		r.move(i, current)
	}
}

// send sends one no-op write when the limiter allows it. If the context ends while
// the write is in flight, send waits for the response, so that it is counted. sent
// is false if the context ended before.
func (r *run) send(ctx context.Context, o *object, before uint64) (after uint64, sent bool, err error) {
	if r.qps != nil && r.qps.Wait(ctx) != nil {
		return 0, false, nil
	}
	sending := context.WithoutCancel(ctx)
	if r.limiter.Do(ctx, func() bool {
		after, err = r.client.noopWrite(sending, r.resource, r.inventory.namespace(o), o.name, o.uid, before)
		return overloaded(err)
	}) != nil {
		return 0, false, nil
	}
	if !transient(err) {
		r.lastResponse.Store(r.now().UnixNano())
		r.responded.Store(true)
		if !forbiddenByRBAC(err) {
			r.authorized.Store(true)
		}
	}
	return after, true, err
}
