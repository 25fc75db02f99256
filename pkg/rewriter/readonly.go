package rewriter

import (
	"cmp"
	"context"
	"strconv"
	"time"
)

// clockMargin is how much the clocks of this machine and of the API servers may
// differ.
const clockMargin = 5 * time.Minute

// verifyReadOnly counts the objects that the record proves current. It writes
// nothing and keeps no object.
func (r *run) verifyReadOnly(ctx context.Context) error {
	record := r.options.Record
	if record != nil && !record.matches(r.options.Cluster.ARN, r.options.KeyARN) {
		r.note("the record in ConfigMap %s is ignored: it is for another key or cluster (key %s, cluster %s)",
			recordName, cmp.Or(record.KeyARN, "none"), cmp.Or(record.ClusterARN, "none"))
		record = nil
	}
	association := record.proof(r.resource)
	if record != nil {
		r.note("this result rests on a record: ConfigMap %s, written %s by %s",
			recordName, record.Time.UTC().Format(time.RFC3339), cmp.Or(record.ToolVersion, "an unknown version"))
	}
	now := r.now()
	_, unreadable, err := r.listScope(ctx, func() visitor {
		proven, unproven := r.counts[current].Load(), r.counts[unexamined].Load()
		return visitor{
			begin: func() {
				r.counts[current].Store(proven)
				r.counts[unexamined].Store(unproven)
			},
			page: func(p *page) {
				for i := range p.items {
					if association.proves(&p.items[i], now) {
						r.counts[current].Add(1)
					} else {
						r.counts[unexamined].Add(1)
					}
				}
			},
		}
	})
	if err != nil {
		return err
	}
	r.inventory.seal()
	r.failUnreadable(unreadable)
	return nil
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
	if record == nil {
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

// proves reports whether an object was written after the association. Timestamps
// need clockMargin on both sides; ones in the future are ignored.
func (w writtenAfter) proves(item *listed, now time.Time) bool {
	switch {
	case w.proven > 0 && w.proven >= w.version:
		return true
	case w.version > 0 && item.resourceVersion > w.version:
		return true
	case w.time.IsZero() || item.written.IsZero():
		return false
	}
	return item.written.After(w.time.Add(clockMargin)) && item.written.Before(now.Add(clockMargin))
}
