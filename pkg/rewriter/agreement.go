package rewriter

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

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
