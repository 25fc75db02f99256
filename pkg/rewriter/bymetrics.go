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
	s.begin()
	r.counted = key
	if err := r.listAll(ctx); err != nil {
		return err
	}
	if err := r.confirmOrphans(ctx, r.orphans); err != nil {
		return err
	}
	r.enter(PhaseReading)
	objects := slices.Collect(r.inState(pending))
	reader := &metricsReader{servers: s, key: key, first: lane, objects: len(objects)}
	for batch := range slices.Chunk(objects, metricsBatch) {
		if err := r.readBatch(ctx, reader, batch); err != nil {
			return err
		}
	}
	err = r.confirmGone(ctx, false, func(found []int) (bool, error) { return true, r.readBatch(ctx, reader, found) })
	if err != nil {
		return err
	}
	if s.pooled() { // the reads and the scrapes may be those of different servers
		r.counts[unexamined].Add(r.counts[current].Swap(0))
		r.stale = 0
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
func (r *run) readBatch(ctx context.Context, reader *metricsReader, batch []int) error {
	var best bounds
	left := r.pendingOf(batch)
	for range metricsAttempts {
		reads, err := r.bracket(ctx, reader, batch)
		before := left
		left = r.pendingOf(batch)
		best = best.without(before - left)
		switch {
		case err != nil:
			return err
		case reads.after == nil:
			reader.move(ctx)
			continue
		}
		b := reads.bounds(reader.key)
		best.current, best.stale = max(best.current, b.current), max(best.stale, b.stale)
		if reads.read <= best.current+best.stale {
			break
		}
	}
	proven := min(best.current, left)
	r.counts[pending].Add(-left)
	r.counts[current].Add(proven)
	r.counts[unexamined].Add(left - proven)
	r.stale += min(best.stale, left-proven)
	return nil
}

// pendingOf returns how many objects of a batch are neither deleted nor failed.
func (r *run) pendingOf(batch []int) (n int64) {
	for _, i := range batch {
		if r.inventory.objects[i].state == pending {
			n++
		}
	}
	return n
}

// metricsVerdict returns the verdict of a run that compared metrics.
func metricsVerdict(t *total) v1alpha1.CoverageVerdict {
	switch {
	case t.Stale > 0:
		return v1alpha1.CoverageStale
	case t.incomplete():
		return v1alpha1.CoverageIncomplete
	case t.Unproven == 0 && t.reachedBefore && t.covered && !t.changed && t.keyShown():
		return v1alpha1.CoverageProven
	}
	return v1alpha1.CoverageNotProven
}
