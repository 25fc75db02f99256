package rewriter

import (
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// clockMargin is how much the clocks of the API servers may differ.
const clockMargin = 5 * time.Minute

// verifyReadOnly counts the objects that the record calls current. It writes nothing
// and keeps no object.
func (r *run) verifyReadOnly(ctx context.Context) error {
	record := r.options.Record
	if record != nil && !record.matches(r.options.Cluster.ARN, r.options.KeyARN) {
		r.note("the record in ConfigMap %s is ignored: it is for another key or cluster (key %s, cluster %s)",
			recordName, cmp.Or(record.KeyARN, "none"), cmp.Or(record.ClusterARN, "none"))
		record = nil
	}
	if record != nil {
		r.note("this result rests on a record: ConfigMap %s, written %s by %s",
			recordName, record.Time.UTC().Format(time.RFC3339), cmp.Or(record.ToolVersion, "an unknown version"))
	}
	association := record.proof(r.resource)
	if r.options.ReadMetadata {
		return r.verifyMetadata(ctx, association)
	}
	state := unexamined
	if association.everything() {
		state = current
	}
	var mu sync.Mutex
	l, err := r.listScope(ctx, func(string) visitor {
		n := 0
		return visitor{
			begin: func() {
				mu.Lock()
				defer mu.Unlock()
				r.counts[state].Add(-int64(n))
				n = 0
			},
			page: func(p *page, _ uint64) {
				mu.Lock()
				defer mu.Unlock()
				n += len(p.names)
				r.counts[state].Add(int64(len(p.names)))
			},
		}
	})
	if err != nil {
		return err
	}
	r.inventory.seal()
	r.failUnreadable(l.unreadable)
	return r.confirmOrphans(ctx, l.orphans)
}

// verifyMetadata reads the metadata of every object, to compare the time of its latest
// write with the record.
func (r *run) verifyMetadata(ctx context.Context, association writtenAfter) error {
	now := r.now()
	token := ""
	for {
		var p *metadataPage
		err := r.retry(ctx, func() (err error) {
			p, err = r.client.listMetadata(ctx, r.scope, token, firstPage)
			return err
		})
		if err != nil {
			return explain(err, "list", r.scope)
		}
		for i := range p.items {
			state := unexamined
			if association.proves(&p.items[i], now) {
				state = current
			}
			r.counts[state].Add(1)
		}
		if token = p.next; token == "" {
			return nil
		}
	}
}

// writtenAfter describes when the key was associated. An object that was written
// after that is encrypted with the key.
type writtenAfter struct {
	// version is a resourceVersion after the association. It is comparable only with
	// those of the resource whose list returned it.
	version uint64
	// proven is the resourceVersion of a list after which every object had been
	// proven current. Objects with a larger one were written later.
	proven uint64
	// time is after the association. It serves resources with other versions.
	time time.Time
}

// proof returns what the record proves about a resource. The zero value
// proves nothing.
func (record *Record) proof(r Resource) writtenAfter {
	if record == nil || !record.Agreed || record.ResourceVersion == "" {
		return writtenAfter{}
	}
	if r.GroupResource() != Secrets().GroupResource() {
		return writtenAfter{time: record.Time}
	}
	// A malformed number becomes 0, which proves nothing.
	version, _ := strconv.ParseUint(record.ResourceVersion, 10, 64)
	proven, _ := strconv.ParseUint(record.ProvenResourceVersion, 10, 64)
	return writtenAfter{version: version, proven: proven, time: record.Time}
}

// everything reports whether every object, of whatever version, is current.
func (w writtenAfter) everything() bool { return w.proven > 0 && w.proven >= w.version }

// proves reports whether an object was written after the association. Timestamps
// need clockMargin on both sides; ones in the future are ignored.
func (w writtenAfter) proves(item *metadataItem, now time.Time) bool {
	switch {
	case w.everything():
		return true
	case w.version > 0 && item.resourceVersion > w.version:
		return true
	case w.time.IsZero() || item.written.IsZero():
		return false
	}
	return item.written.After(w.time.Add(clockMargin)) && item.written.Before(now.Add(clockMargin))
}

// readOnlyVerdict returns the verdict of a run that rests on the record.
func readOnlyVerdict(t *total) v1alpha1.CoverageVerdict {
	switch {
	case t.incomplete():
		return v1alpha1.CoverageIncomplete
	case t.Unproven > 0 || t.Total == 0 && t.Current > 0:
		return v1alpha1.CoverageNotProven
	case t.Total == 0:
		return v1alpha1.CoverageProven // there is nothing to prove
	}
	return v1alpha1.CoverageRecorded
}
