package association

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Associator sends the association and follows it. *eks.Client implements it.
type Associator interface {
	Cluster(context.Context, eks.Ref) (eks.Cluster, error)
	Updates(context.Context, eks.Ref) ([]eks.Update, error)
	Update(ctx context.Context, cluster eks.Ref, id string) (eks.Update, error)
	Associate(ctx context.Context, cluster eks.Ref, keyARN, token string) (eks.Update, error)
}

// Engine begins an association and waits for it. EKS, Cluster and KeyARN are required; the rest has defaults.
type Engine struct {
	EKS     Associator
	Cluster *eks.Cluster
	// KeyARN is the ARN of the key itself, never an alias.
	KeyARN string
	// Updates are the updates of the cluster before the association.
	Updates []eks.Update
	// Policy is what the key policy means; PolicyUnread is why it is unknown. They explain a refusal.
	Policy       kms.PolicyIssues
	PolicyUnread string
	// Timeout bounds the wait; 0 means DefaultTimeout.
	Timeout time.Duration
	// Progress is called after each poll; may be nil.
	Progress func(Progress)
	// Refresh drops cached credentials that AWS reported as expired; may be nil.
	Refresh func()
	// Resolve returns the ARN of the key behind an alias, and other ARNs unchanged; nil compares ARNs as they are.
	Resolve func(ctx context.Context, arn string) string

	// Now and Sleep replace the clock in tests; nil means the real one.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// DefaultTimeout is twice the longest association that users have reported.
const DefaultTimeout = 2 * time.Hour

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

func (e *Engine) sleep(ctx context.Context, d time.Duration) error {
	if e.Sleep != nil {
		return e.Sleep(ctx, d)
	}
	return clock.Sleep(ctx, d)
}

// Token returns the client request token. It is the same for the same cluster, key and history, so that a second run or
// a second terminal gets the same update from EKS and not another one. The last association that ended is part of the
// history, so that a new attempt after a failed one has a new token.
func Token(c *eks.Cluster, keyARN string, updates []eks.Update) string {
	last := ""
	for _, u := range updates {
		if u.IsAssociation() && !u.Running() {
			last = u.ID
		}
	}
	h := sha256.New()
	for _, part := range []string{"associate", c.ARN, c.CreatedAt.UTC().Format(time.RFC3339), keyARN, last} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return "eks-encrypt-" + hex.EncodeToString(h.Sum(nil))[:40]
}

// Begun is an association that EKS accepted.
type Begun struct {
	// UpdateID is empty if the cluster already has the key.
	UpdateID string
	// Adopted is true if an earlier request, or one of another client, began the association.
	Adopted bool
}

const (
	beginAttempts = 6
	beginPause    = 2 * time.Second // before the second attempt; doubles with each further one
)

// Begin sends the request. After an error that leaves open whether EKS accepted it, Begin looks for a running
// association of this key and adopts it; if there is none, it repeats the request with the same token. An error means
// that EKS accepted nothing, unless it is an *UncertainError.
func (e *Engine) Begin(ctx context.Context) (Begun, error) {
	b := beginning{Engine: e, token: Token(e.Cluster, e.KeyARN, e.Updates)}
	begun, err := b.run(ctx)
	if err != nil && b.lost {
		return Begun{}, &UncertainError{Cluster: e.Cluster.Name, Err: err}
	}
	return begun, err
}

// beginning is one run of Begin.
type beginning struct {
	*Engine
	token string
	// lost is true once the answer to a request was lost. It never becomes false again: no later refusal shows what
	// EKS did with that request.
	lost bool
}

func (b *beginning) run(ctx context.Context) (Begun, error) {
	var last error
	for attempt := range beginAttempts {
		if attempt > 0 {
			if err := b.sleep(ctx, beginPause<<(attempt-1)); err != nil {
				return Begun{}, context.Cause(ctx)
			}
		}
		u, err := b.EKS.Associate(ctx, b.Cluster.Ref(), b.KeyARN, b.token)
		if err == nil {
			return Begun{UpdateID: u.ID}, nil
		}
		last = err
		reason := classify(err)
		b.lost = b.lost || reason == uncertain
		if reason == rejected && !b.lost {
			return Begun{}, b.rejection(err)
		}
		begun, found, findErr := b.findAssociation(ctx)
		switch {
		case findErr == nil && found:
			return begun, nil
		case errors.As(findErr, new(*otherKeyError)):
			return Begun{}, findErr
		case ctx.Err() != nil:
			return Begun{}, context.Cause(ctx)
		case findErr == nil && reason == conflict && !b.lost:
			return Begun{}, b.rejection(err)
		}
		if reason == expiredCredentials && b.Refresh != nil {
			b.Refresh()
		}
	}
	return Begun{}, b.rejection(last)
}

// findAssociation reports whether the cluster has the key or is associating it.
func (e *Engine) findAssociation(ctx context.Context) (Begun, bool, error) {
	c, err := e.EKS.Cluster(ctx, e.Cluster.Ref())
	switch {
	case err != nil:
		return Begun{}, false, err
	case e.isKey(ctx, c.KeyARN):
		return Begun{Adopted: true}, true, nil
	case c.KeyARN != "":
		return Begun{}, false, &otherKeyError{c.KeyARN}
	}
	updates, err := e.EKS.Updates(ctx, e.Cluster.Ref())
	if err != nil {
		return Begun{}, false, err
	}
	for i := range updates {
		if u := &updates[i]; u.IsAssociation() && u.Running() && e.isKey(ctx, u.KeyARN) {
			return Begun{UpdateID: u.ID, Adopted: true}, true, nil
		}
	}
	return Begun{}, false, nil
}

// isKey reports whether an ARN that EKS reports is that of the key, or of an alias of it.
func (e *Engine) isKey(ctx context.Context, reported string) bool {
	if reported == e.KeyARN || reported == "" || e.Resolve == nil {
		return reported == e.KeyARN && reported != ""
	}
	return e.Resolve(ctx, reported) == e.KeyARN
}

// failure is the meaning of an error of AssociateEncryptionConfig.
type failure int

const (
	rejected           failure = iota // permanent: EKS did nothing
	conflict                          // another update is running, possibly this association, or the cluster has a key
	throttled                         // temporary: EKS did nothing
	expiredCredentials                // EKS did nothing
	uncertain                         // EKS may have accepted the request
)

// classify returns the meaning of an error. An error that is not known to be a refusal is uncertain: an interrupted
// request, or a response that is garbled or empty.
func classify(err error) failure {
	if cause, _ := eks.CauseOf(err); cause.Conflict() {
		return conflict
	}
	switch awsclient.KindOf(err) {
	case awsclient.KindThrottled:
		return throttled
	case awsclient.KindExpiredCredentials:
		return expiredCredentials
	case awsclient.KindAccessDenied, awsclient.KindBadCredentials, awsclient.KindNoCredentials, awsclient.KindNotFound,
		awsclient.KindNoRegion, awsclient.KindConfig, awsclient.KindInvalid:
		return rejected
	}
	return uncertain
}
