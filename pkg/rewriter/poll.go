package rewriter

import (
	"cmp"
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// ballot is the outcome of the same no-op write on every API server.
type ballot int

const (
	agreed    ballot = iota // all servers called the same bytes current
	disagreed               // one of them did not
	unusable                // the object was deleted, changed by others, or changes with every write
)

// poll sends the no-op write of one object over every voting connection, one after the
// other. If its version is 0, the first answer decides what the bytes are; every answer
// that follows must leave them. If all of them refuse, every server that answered has the
// write key of these bytes: each has called them current, and they were not written in between.
// An answer may take as long as patience. The object was listed at listVersion; 0 if that is unknown.
//
// If it ends early, after the first server took the object, the others put the object back: that server may lag.
func (r *run) poll(
	ctx context.Context, s *servers, w *witness, listVersion uint64, patience time.Duration,
) (result ballot, err error) {
	ids, asked := map[string]bool{}, 0
	lanes, i := s.voters(), 0
	defer func() {
		if result == unusable && w.taken && i < len(lanes) {
			r.putBack(ctx, lanes[i:], w, w.version)
		}
	}()
	refusedFirst, readable, unreadable := w.version != 0, false, false
	for ; i < len(lanes); i++ {
		if ctx.Err() != nil {
			return unusable, context.Cause(ctx)
		}
		lane := lanes[i]
		if w.version == 0 && w.known == 0 { // others may have written it since the list
			if listVersion = r.latest(ctx, listVersion); listVersion == 0 {
				return unusable, context.Cause(ctx)
			}
		}
		after, connection, err := r.ask(ctx, lane, w, cmp.Or(w.version, w.known), patience)
		if isUndecryptable(err) || keyUnknown(err) {
			switch {
			case readable:
				return disagreed, nil // this server does not know the key of the object
			case i == len(lanes)-1:
				return unusable, err
			}
			unreadable = true
			continue
		}
		switch {
		case apierrors.IsConflict(err) && w.version == 0 && w.known != 0:
			w.known = 0 // another client has written it
			i--
			continue
		case apierrors.IsConflict(err):
			return unusable, nil
		case err != nil:
			return unusable, err
		case unreadable:
			if after > cmp.Or(w.version, listVersion) {
				r.putBack(ctx, slices.Delete(lanes, i, i+1), w, after)
			}
			return disagreed, nil
		}
		readable = true
		if w.version == 0 {
			w.version, refusedFirst = after, after <= listVersion
			w.taken = !refusedFirst
			again, same, err := r.ask(ctx, lane, w, after, patience)
			switch {
			case objectNotFound(err), apierrors.IsConflict(err), err == nil && again != after && same == connection:
				w.taken = false
				return unusable, nil
			case err != nil:
				return unusable, err
			}
			after, connection = again, same
		}
		if after != w.version {
			again, same, err := r.ask(ctx, lane, w, after, objectTimeout)
			if err == nil && again != after && same == connection {
				w.taken = false
				return unusable, nil // it changes with every write
			}
			if refusedFirst {
				r.putBack(ctx, slices.Delete(lanes, i, i+1), w, max(after, again))
			}
			return disagreed, nil
		}
		asked++
		if server, err := lane.Identify(ctx, connection); err == nil && server.ID != "" {
			ids[server.ID] = true
		}
		if i == len(lanes)-1 && !s.covers(ids) && len(s.lanes) < s.enough() {
			if err := s.open(ctx, 1); err != nil {
				return unusable, err
			}
			lanes = append(lanes, s.lanes[len(s.lanes)-1])
		}
	}
	r.asked += asked
	r.ids = ids
	return agreed, nil
}

// putBack writes an object that a server took, which may be the one that lags, until another one takes it as
// well. The object has the key then that it had before, so that the run leaves no object under an older key,
// also after Ctrl-C.
func (r *run) putBack(ctx context.Context, lanes []serverLane, w *witness, version uint64) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), slowWrite)
	defer cancel()
	for _, lane := range lanes {
		after, _, err := r.ask(ctx, lane, w, version, objectTimeout)
		if err == nil && after != version || ctx.Err() != nil {
			return
		}
	}
}

// ask sends one no-op write over a lane, and returns the connection that it used. The error is errSlow
// if the answer takes longer than patience. If the context ends in the meantime, ask waits for the answer: the
// server may have taken the write.
func (r *run) ask(
	ctx context.Context, lane serverLane, w *witness, version uint64, patience time.Duration,
) (uint64, string, error) {
	var after uint64
	var permanent error
	answered := false
	traced, connection := lane.Trace(context.WithoutCancel(ctx))
	err := r.retry(ctx, func() (err error) {
		limited, cancel := context.WithTimeout(traced, patience)
		defer cancel()
		defer func() { answered = err == nil && permanent == nil }()
		after, err = noopWrite(limited, lane.Lane, r.resource, w.namespace, w.name, version)
		switch {
		case err != nil && limited.Err() != nil && ctx.Err() == nil && patience < objectTimeout:
			permanent, err = errSlow, nil // another object may do
		case webhookFailed(err) || isUndecryptable(err):
			permanent, err = err, nil
		}
		return err
	})
	if answered {
		err = nil // also if the context has ended
	}
	err = cmp.Or(err, permanent)
	if noSpace(err) {
		err = explainNoSpace(err)
	}
	return after, connection(), err
}
