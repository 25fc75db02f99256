package rewriter

import "context"

// maxWitnesses is how many of the objects that were proven first are remembered.
const maxWitnesses = 32

// witness is an object that was proven current, and its resourceVersion then.
type witness struct {
	namespace, name string
	version         uint64
	known           uint64 // its version before the first answer; 0 if unknown
	taken           bool   // the storage wrote it for the first answer
	compared        bool   // every server called it current before any other object was written
}

func (w witness) String() string { return w.namespace + "/" + w.name }

// witness remembers one of the first proven objects. The caller holds the lock.
func (r *run) witness(w witness) {
	if len(r.witnesses) < maxWitnesses {
		r.witnesses = append(r.witnesses, w)
	}
}

// latest returns the newest resourceVersion, so that no object has a newer one yet. It returns the earlier version if
// this fails.
func (r *run) latest(ctx context.Context, earlier uint64) (version uint64) {
	err := r.retry(ctx, func() error {
		p, err := r.client.list(ctx, scope{resource: r.resource, namespace: r.namespace}, "", 1)
		if err == nil {
			version = p.resourceVersion
		}
		return err
	})
	if err != nil {
		return earlier
	}
	return version
}
