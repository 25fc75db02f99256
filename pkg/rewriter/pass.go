package rewriter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	triesAtOnce    = 3  // before an object is put aside
	maxConflicts   = 5  // in a row, before they are taken for a denial
	forbiddenLimit = 20 // answers without a right, and none with, that end a run
)

// errPatience says that the server has not answered for too long.
var errPatience = errors.New("the API server has served nothing")

// pass examines every object that is pending or to be rechecked, and then, in
// rounds, those that the server could not answer for.
func (r *run) pass(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	begun := r.now()
	for round := 0; ; round++ {
		settled := r.settled()
		r.work(ctx, stop)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if r.counts[aside].Load() == 0 {
			return nil
		}
		if r.settled() == settled && r.now().Sub(begun) > shortPatience {
			return nil // what is still aside fails for a reason of its own
		}
		if err := r.sleep(ctx, pause(round+2, nil, r.random())); err != nil {
			return err
		}
		for i := range r.inventory.objects {
			if r.inventory.objects[i].state == aside {
				r.move(i, pending)
			}
		}
	}
}

// settled counts the objects that need no further write.
func (r *run) settled() int64 {
	return r.counts[current].Load() + r.counts[rewritten].Load() + r.counts[gone].Load()
}

// work sends the writes, each worker taking the next object in turn. The limiter
// decides how many of the workers are busy.
func (r *run) work(ctx context.Context, stop context.CancelCauseFunc) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range r.options.MaxConcurrency {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(r.inventory.objects) {
					return
				}
				if s := r.inventory.objects[i].state; s == pending || s == recheck {
					r.examine(ctx, stop, i)
				}
			}
		})
	}
	workers.Wait()
}

// examine settles one object, or puts it aside. When the context ends it leaves
// the object as it is. In the closing pass an object is settled only by a write
// that the storage refused.
func (r *run) examine(ctx context.Context, stop context.CancelCauseFunc, i int) {
	o := &r.inventory.objects[i]
	known := true // whether resourceVersion is to be named
	tries, conflicts := 0, 0
	for {
		before := o.resourceVersion
		if !known {
			before = 0
		}
		after, ran, err := r.write(ctx, o, before)
		if !ran {
			return
		}
		switch judge(before, after, err) {
		case refused:
			r.settle(i)
			return
		case written:
			o.resourceVersion = after
			// After a conflict it was current before this write and is after it;
			// which of both made the version is moot. But if an earlier write of
			// ours went unanswered, the conflict was most likely with that one.
			again := known && o.ours
			o.ours = o.ours || known || o.lost
			switch {
			case !r.closing:
				r.settle(i)
				return
			case again:
				r.move(i, restless)
				return
			}
			known = true
		case deleted:
			r.move(i, gone)
			return
		case conflicted:
			if conflicts++; conflicts > maxConflicts {
				r.fail(i, err)
				return
			}
			known = false
		case denied:
			r.fail(i, err)
			if errors.Is(err, errForeignKind) {
				stop(err)
			}
			return
		case unrightful:
			r.fail(i, err)
			if n := r.forbidden.Load(); n >= 0 && r.forbidden.Add(1) >= forbiddenLimit {
				stop(explain(err, "patch", r.scope))
			}
			return
		case unanswered:
			o.lost = o.lost || maybeDone(err)
			if silence := r.now().Sub(time.Unix(0, r.lastAnswer.Load())); silence > r.patience {
				r.fail(i, err)
				stop(fmt.Errorf("%w for %s: %w", errPatience, silence.Round(time.Second), err))
				return
			}
			if tries++; tries == triesAtOnce {
				r.hold(i, aside, err)
				return
			}
			if r.sleep(ctx, pause(tries-1, err, r.random())) != nil {
				return
			}
		}
	}
}

// settle moves an object that is proven current.
func (r *run) settle(i int) {
	if r.inventory.objects[i].ours {
		r.move(i, rewritten)
	} else {
		r.move(i, current)
	}
}

// write sends one no-op write when its turn has come. It is sent to the end even
// if the context ends meanwhile, so that its answer counts; ran is false when it
// was not sent.
func (r *run) write(ctx context.Context, o *object, before uint64) (after uint64, ran bool, err error) {
	if r.qps != nil {
		if r.qps.Wait(ctx) != nil {
			return 0, false, nil
		}
	}
	sending := context.WithoutCancel(ctx)
	if r.limiter.Do(ctx, func() bool {
		after, err = r.client.noopWrite(sending, r.resource, r.inventory.namespace(o), o.name, o.uid, before)
		return overloaded(err)
	}) != nil {
		return 0, false, nil
	}
	if !transient(err) {
		r.lastAnswer.Store(r.now().UnixNano())
		r.answered.Store(true)
		if !missingRight(err) {
			r.forbidden.Store(-1 << 40) // some right there is
		}
	}
	return after, true, err
}
