package association

import (
	"context"
	"errors"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// firstLook reports whether the cluster has the key or is associating it, before anything is sent. It remembers the
// updates of the cluster: EKS returns one of them for a request that repeats the token of an earlier one, for instance
// of a second terminal.
func (b *beginning) firstLook(ctx context.Context) (Begun, bool, error) {
	var last error
	for attempt := range beginAttempts {
		if err := b.pause(ctx, attempt); err != nil {
			return Begun{}, false, err
		}
		updates, found, err := b.find(ctx)
		if err == nil {
			b.before = append(b.before, updates...)
			return Begun{UpdateID: found.updateID, Adopted: true}, found.yes(), nil
		}
		last = err
		reason := classify(err)
		switch {
		case ctx.Err() != nil:
			return Begun{}, false, b.interrupted(ctx)
		case reason == rejected || errors.As(err, new(*otherKeyError)):
			return Begun{}, false, err
		case reason == expiredCredentials && b.Refresh != nil:
			b.Refresh()
		}
	}
	return Begun{}, false, last
}

// look reports whether the cluster has the key or is associating it, after a request was sent.
func (b *beginning) look(ctx context.Context) (Begun, bool, error) {
	_, found, err := b.find(ctx)
	if err != nil || !found.yes() {
		return Begun{}, false, err
	}
	return Begun{UpdateID: found.updateID, Adopted: true, Fresh: b.isFresh(found.updateID)}, true, nil
}

// isFresh reports whether the association began after the first look, which showed no key. id is empty if the cluster
// has the key and no association runs. The key may then belong to one that the first look showed.
func (b *beginning) isFresh(id string) bool {
	return !slices.ContainsFunc(b.before, func(u eks.Update) bool {
		return u.ID == id || id == "" && u.IsAssociation() && (u.Running() || u.Status == "Successful")
	})
}

// association is what EKS reports about the key and the cluster.
type association struct {
	hasKey   bool
	updateID string // of the association that runs, or ""
}

func (a association) yes() bool { return a.hasKey || a.updateID != "" }

// find returns whether the cluster has the key or is associating it, and all updates of the cluster. Both can be true:
// EKS may name the key before the association ends.
func (e *Engine) find(ctx context.Context) (updates []eks.Update, found association, err error) {
	c, err := e.EKS.Cluster(ctx, e.Cluster.Ref())
	if err != nil {
		return nil, found, err
	}
	if found.hasKey = e.isKey(ctx, c.KeyARN); c.KeyARN != "" && !found.hasKey {
		return nil, found, &otherKeyError{c.KeyARN}
	}
	if updates, err = e.EKS.Updates(ctx, e.Cluster.Ref()); err != nil {
		return nil, found, err
	}
	for i := range updates {
		u := &updates[i]
		if !u.IsAssociation() || !u.Running() {
			continue
		}
		// A cluster that has the key gets no other one, so that an update whose key EKS does not report is of this key.
		if e.isKey(ctx, u.KeyARN) || u.KeyARN == "" && found.hasKey {
			found.updateID = u.ID
		}
	}
	return updates, found, nil
}

// isKey reports whether an ARN that EKS reports is that of the key, or of an alias of it.
func (e *Engine) isKey(ctx context.Context, reported string) bool {
	if reported == e.KeyARN || reported == "" || e.Resolve == nil {
		return reported == e.KeyARN && reported != ""
	}
	return e.Resolve(ctx, reported) == e.KeyARN
}
