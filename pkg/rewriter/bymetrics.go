package rewriter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const (
	metricsBatch    = 500 // objects between two scrapes
	metricsAttempts = 3   // of a batch that other readers disturb
)

// verifyByMetrics reads every object between two scrapes of the API server that answers
// the reads, and compares how many reads it counted under each key. It writes nothing.
// The reads of others are counted as well. They can hide a proof, but never make one.
func (r *run) verifyByMetrics(ctx context.Context, s *servers) error {
	if err := s.awaitKey(ctx, r.options); err != nil {
		return err
	}
	key, lane, err := s.commonWriteKey()
	if err != nil {
		return err
	}
	if err := r.listAll(ctx); err != nil {
		return err
	}
	r.enter(PhaseReading)
	objects := slices.Collect(r.inState(pending))
	for batch := range slices.Chunk(objects, metricsBatch) {
		if err := r.readBatch(ctx, lane, key, batch); err != nil {
			return err
		}
	}
	return nil
}

// commonWriteKey returns the key that every server writes with, and a connection to one
// of them.
func (s *servers) commonWriteKey() (key apiserver.Key, lane serverLane, err error) {
	for _, voter := range s.voters() {
		k, ok := voter.server.WriteKey()
		switch {
		case voter.server.ID == "" && len(s.identified()) > 0:
			continue // it did not respond
		case voter.server.Metrics == nil:
			err := fmt.Errorf("the metrics of an API server are not readable: %w", voter.server.Err)
			return key, lane, hint.Wrap(err, "`kubectl eks-encrypt generate rbac` prints the required role")
		case !ok || voter.server.Metrics.Started == 0:
			return key, lane, errors.New("the metrics of an API server do not name the key that it writes with")
		case lane.Lane != nil && k != key:
			return key, lane, disagreement("their metrics name different write keys")
		}
		key, lane = k, voter
	}
	if lane.Lane == nil {
		return key, lane, errors.New("no API server responds")
	}
	return key, lane, nil
}

// readBatch reads some objects, and counts them by the bounds that the metrics give. If
// others read at the same time, it tries again for better bounds.
func (r *run) readBatch(ctx context.Context, lane serverLane, key apiserver.Key, batch []int) error {
	var best bounds
	for range metricsAttempts {
		reads, err := r.bracket(ctx, lane, batch)
		if err != nil {
			return err
		}
		b := reads.bounds(key)
		best.current, best.stale = max(best.current, b.current), max(best.stale, b.stale)
		if left := reads.read - best.current - best.stale; left <= 0 {
			break
		}
	}
	left := int64(0)
	for _, i := range batch {
		if r.inventory.objects[i].state == pending {
			left++
		}
	}
	proven := min(best.current, left)
	r.counts[pending].Add(-left)
	r.counts[current].Add(proven)
	r.counts[unexamined].Add(left - proven)
	r.stale += min(best.stale, left-proven)
	return nil
}

// bracketed is what two scrapes of one server say about the reads between them.
type bracketed struct {
	read          int64 // objects that were read
	before, after *apiserver.Metrics
}

// bracket scrapes, reads the objects, and scrapes again, all on one connection. If that
// does not succeed, the result gives no bounds.
func (r *run) bracket(ctx context.Context, lane serverLane, batch []int) (bracketed, error) {
	var b bracketed
	first, connection, err := lane.Scrape(ctx)
	if err != nil || first.Metrics == nil {
		return b, ctx.Err()
	}
	for _, i := range batch {
		o := &r.inventory.objects[i]
		if o.state != pending {
			continue
		}
		traced, over := lane.Trace(ctx)
		_, err := readVersion(traced, lane.Lane, r.resource, r.inventory.namespace(o), o.name)
		switch {
		case ctx.Err() != nil:
			return b, context.Cause(ctx)
		case objectNotFound(err):
			r.move(i, gone)
		case forbiddenByRBAC(err):
			return b, explain(err, "get", r.scope)
		case err != nil && !transient(err):
			r.fail(i, err)
		case err != nil || over() != connection:
			return bracketed{read: b.read}, nil //nolint:nilerr // without scrapes it gives no bounds, and is tried again
		default:
			b.read++
		}
	}
	last, over, err := lane.Scrape(ctx)
	if err != nil || over != connection || last.Metrics == nil {
		return bracketed{}, ctx.Err()
	}
	b.before, b.after = first.Metrics, last.Metrics
	return b, nil
}

// bounds are the numbers of objects that are certainly current and certainly stale.
type bounds struct{ current, stale int64 }

// bounds compares the scrapes. Each read was counted under one key. So at most as many
// of the objects are under other keys as the reads that were counted under these.
func (b bracketed) bounds(key apiserver.Key) bounds {
	if b.before == nil || b.after == nil || b.before.Server == "" || b.before.Server != b.after.Server ||
		b.before.Started == 0 || b.before.Started != b.after.Started {
		return bounds{}
	}
	var underKey, underOthers float64
	for k, total := range b.after.Reads {
		grown := total - b.before.Reads[k]
		switch {
		case grown < 0:
			return bounds{}
		case k == key:
			underKey += grown
		default:
			underOthers += grown
		}
	}
	for resource, total := range b.after.Plain {
		grown := total - b.before.Plain[resource]
		if grown < 0 {
			return bounds{}
		}
		underOthers += grown
	}
	if !hasAll(b.before.Reads, b.after.Reads) || !hasAll(b.before.Plain, b.after.Plain) ||
		int64(underKey+underOthers) < b.read {
		return bounds{} // a counter is gone, or reads were not counted
	}
	return bounds{
		current: min(max(b.read-int64(underOthers), 0), int64(underKey)),
		stale:   max(b.read-int64(underKey), 0),
	}
}

// hasAll reports whether the later counters contain all earlier ones.
func hasAll[K comparable](earlier, later map[K]float64) bool {
	for k := range earlier {
		if _, ok := later[k]; !ok {
			return false
		}
	}
	return true
}

// metricsVerdict returns the verdict of a run that compared metrics.
func metricsVerdict(t *total) v1alpha1.CoverageVerdict {
	switch {
	case t.Stale > 0:
		return v1alpha1.CoverageStale
	case t.incomplete():
		return v1alpha1.CoverageIncomplete
	case t.Unproven == 0 && t.covered && t.keyShown():
		return v1alpha1.CoverageProven
	}
	return v1alpha1.CoverageNotProven
}
