package rewriter

import (
	"context"
	"strconv"
	"time"
)

// clockMargin is what the clocks of this machine and of the API servers may be
// apart.
const clockMargin = 5 * time.Minute

// read counts what the record proves, and writes nothing. It keeps no object.
func (r *run) read(ctx context.Context) error {
	record := r.options.Record
	if record != nil && !record.holds(r.options.Cluster.ARN, r.options.KeyARN) {
		r.note("the record in ConfigMap %s is of another key or cluster (key %s, cluster %s) and does not count",
			recordName, orNone(record.KeyARN), orNone(record.ClusterARN))
		record = nil
	}
	bounds := record.bounds(r.resource)
	if record != nil {
		r.byRecord = true
		r.note("what is proven here rests on a record: ConfigMap %s, written %s by %s", recordName, record.Time.UTC().Format(time.RFC3339), orNone(record.ToolVersion))
	}
	now := r.now()
	_, spoilt, err := r.listApart(ctx, func() visitor {
		proven, unproven := r.counts[current].Load(), r.counts[unexamined].Load()
		return visitor{
			begin: func() {
				r.counts[current].Store(proven)
				r.counts[unexamined].Store(unproven)
			},
			page: func(p *page) {
				for i := range p.items {
					if bounds.prove(&p.items[i], now) {
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
	r.failSpoilt(spoilt)
	return nil
}

// bounds are moments known to be past the association.
type bounds struct {
	// after: objects with a larger resourceVersion were written past it. Only for
	// the resource whose list the version comes from.
	after uint64
	// proven: objects with a smaller or the same resourceVersion were proven one
	// by one when it was taken, and those with a larger one were written later.
	proven uint64
	// since is a time past it, for resources whose versions cannot be compared.
	since time.Time
}

// bounds are what the record proves of a resource; the zero bounds prove nothing.
func (record *Record) bounds(r Resource) bounds {
	if record == nil {
		return bounds{}
	}
	if r.GroupResource() != Secrets.GroupResource() {
		return bounds{since: record.Time}
	}
	// A malformed number proves nothing.
	after, _ := strconv.ParseUint(record.ResourceVersion, 10, 64)
	proven, _ := strconv.ParseUint(record.ProvenResourceVersion, 10, 64)
	return bounds{after: after, proven: proven, since: record.Time}
}

// prove tells whether an object was written past the association. Times count
// only with a margin on both sides: one in the future is no write of a server.
func (b bounds) prove(item *listed, now time.Time) bool {
	switch {
	case b.proven > 0 && b.proven >= b.after:
		return true
	case b.after > 0 && item.resourceVersion > b.after:
		return true
	case b.since.IsZero() || item.written.IsZero():
		return false
	}
	return item.written.After(b.since.Add(clockMargin)) && item.written.Before(now.Add(clockMargin))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
