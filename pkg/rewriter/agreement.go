package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// errDisagree means that two API servers judged the same bytes differently.
var errDisagree = errors.New("the API servers disagree about the write key, or it is changing")

// errNotReached means that an API server that was not reached may have another write key
// than the one that was.
var errNotReached = errors.New("not every API server was reached, and the others may write with another key")

// errNotCompared means that no object was found that all API servers could judge.
var errNotCompared = errors.New("the API servers could not be compared: no object could be written through all of them")

// errContradicted means that the API servers do not write with the key that EKS reports.
var errContradicted = errors.New("the API servers do not write with the current key")

// IsUnsafe reports whether a run ended because the API servers disagree about the write
// key, or may disagree.
func IsUnsafe(err error) bool {
	return errors.Is(err, errDisagree) || errors.Is(err, errNotReached) || errors.Is(err, errNotCompared)
}

func disagreement(detail string) error {
	return hint.Wrap(fmt.Errorf("%w: %s", errDisagree, detail),
		"nothing further was written; wait until EKS has replaced its API servers, and run it again")
}

// maxCandidates is how many objects are tried before the first write.
const maxCandidates = 5

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
func (r *run) poll(
	ctx context.Context, s *servers, w *witness, listVersion uint64, patience time.Duration,
) (ballot, error) {
	ids, asked := map[string]bool{}, 0
	lanes := s.voters()
	refusedFirst, readable, unreadable := w.version != 0, false, false
	for i := 0; i < len(lanes); i++ {
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
				return unusable, nil
			case err != nil:
				return unusable, err
			}
			after, connection = again, same
		}
		if after != w.version {
			again, same, err := r.ask(ctx, lane, w, after, objectTimeout)
			if err == nil && again != after && same == connection {
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

// agreeBefore asks all servers about one object before the first write.
func (r *run) agreeBefore(ctx context.Context, s *servers) error {
	if r.counts[pending].Load() == 0 {
		return nil
	}
	r.agreement.Before = v1alpha1.AgreementUnknown
	if s.start == nil {
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	if s.keysDiffer() {
		r.agreement.Before = v1alpha1.Disagree
		return disagreement("their metrics name different write keys")
	}
	if s.contradiction(r.options) != "" { // the last write of a server may be from before the association
		if err := s.awaitKey(ctx, r.options); err != nil {
			return err
		}
	}
	if err := s.mayWrite(ctx, s.ids(), r.client, r.options); err != nil {
		return err
	}
	s.begin()
	slow, err := r.compareBefore(ctx, s, slowWrite)
	if err == nil && slow && r.ids == nil {
		_, err = r.compareBefore(ctx, s, objectTimeout) // every webhook is slow
	}
	switch {
	case err != nil:
		return err
	case r.ids != nil:
		r.allBefore = s.covers(r.ids)
		return s.mayWrite(ctx, r.ids, r.client, r.options) // a connection may have moved
	case len(s.voters()) > 1 && s.writeHash() == "":
		return hint.Wrap(errNotCompared, "a webhook may refuse all writes: name another namespace with -n, "+
			"or let the user read /metrics (`kubectl eks-encrypt generate rbac`)")
	}
	return nil
}

// compareBefore asks all servers about one object. It goes on with another namespace if an answer
// takes longer than patience, and reports whether one did.
func (r *run) compareBefore(ctx context.Context, s *servers, patience time.Duration) (slow bool, err error) {
	tried, skip := 0, map[uint32]bool{}
	for i := range r.candidates() {
		o := &r.inventory.objects[i]
		if skip[o.namespace] {
			continue
		}
		if tried++; tried > maxCandidates {
			break
		}
		w := witness{namespace: r.inventory.namespace(o), name: o.name}
		if o.exact {
			w.known = o.resourceVersion
		}
		result, err := r.poll(ctx, s, &w, o.resourceVersion, patience)
		if o.exact && w.known == 0 {
			r.uncertain(i)
		}
		switch {
		case errors.Is(err, errSlow):
			slow, skip[o.namespace] = true, true
			continue
		case err != nil && !isStatus(err), forbiddenByRBAC(err), noSpace(err):
			return slow, explain(err, "patch", r.scope)
		case objectNotFound(err):
			tried--
			r.move(i, gone)
			continue
		case err != nil, result == unusable:
			skip[o.namespace] = webhookFailed(err)
			continue
		case result == disagreed:
			r.agreement.Before = v1alpha1.Disagree
			return slow, disagreement(
				fmt.Sprintf("two of them judged a no-op write of %s %s differently", r.resource, w))
		}
		r.agreement.Before = v1alpha1.Agree
		if w.version <= r.control.before {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.control.contradicted++
			return slow, r.contradiction(w)
		}
		o.resourceVersion, o.exact, o.taken = w.version, true, w.taken
		r.markDone(i) // also if the run ends early: the storage may have written it
		r.witnesses[len(r.witnesses)-1].compared = len(r.witnesses) == 1
		return slow, nil
	}
	return slow, nil
}

// candidates iterates over objects to ask all servers about. Those that are certainly
// encrypted with an older key come first.
func (r *run) candidates() iter.Seq[int] {
	certain := slices.Sorted(maps.Keys(r.control.certain))
	return func(yield func(int) bool) {
		for _, i := range certain {
			if !yield(i) {
				return
			}
		}
		r.inState(pending)(yield)
	}
}

// agreeAfter asks all servers about the object that was proven first. If keys only move
// forward, everything that was proven later was proven under the same key. If others wrote that
// object, another one shows this only if the metrics name one key for the whole run. Then
// any object does, as it is now.
func (r *run) agreeAfter(ctx context.Context, s *servers, oneKey bool) error {
	if len(r.witnesses) == 0 {
		return nil
	}
	r.agreement.After = v1alpha1.AgreementUnknown
	if s.keysDiffer() {
		r.agreement.After = v1alpha1.Disagree
		return nil
	}
	witnesses := slices.Clone(r.witnesses)
	if oneKey {
		for _, w := range r.witnesses {
			witnesses = append(witnesses, witness{namespace: w.namespace, name: w.name})
		}
	}
	for _, w := range witnesses {
		result, err := r.poll(ctx, s, &w, 0, objectTimeout)
		switch {
		case err != nil && !isStatus(err):
			return err
		case err != nil, result == unusable:
			continue
		case result == disagreed:
			r.agreement.After = v1alpha1.Disagree
			return nil
		case w.compared || oneKey:
			r.agreement.After = v1alpha1.Agree
		}
		return nil
	}
	return nil
}
