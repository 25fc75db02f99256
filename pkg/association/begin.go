package association

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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
	// UpdateID is empty if the cluster already has the key and EKS lists no running association of it.
	UpdateID string
	// Adopted is true if an earlier request or another client may have begun the association: no answer to a request of
	// this run named it, or the first look showed it before.
	Adopted bool
	// Fresh is true if the association began after Begin was called, by this request or by another client's at the same
	// time. Only then is a note that was taken before the call older than the association.
	Fresh bool
}

const (
	beginAttempts = 6
	beginPause    = 2 * time.Second // before the second attempt; doubles with each further one
)

// Begin looks at the cluster, and sends the request only if the cluster neither has the key nor associates it. After an
// error that leaves open whether EKS accepted the request, Begin looks again and adopts a running association of this
// key; if there is none, it repeats the request with the same token. An error means that EKS accepted nothing, unless
// it is an *UncertainError.
func (e *Engine) Begin(ctx context.Context) (Begun, error) {
	b := beginning{Engine: e, token: Token(e.Cluster, e.KeyARN, e.Updates), before: slices.Clone(e.Updates)}
	begun, found, err := b.firstLook(ctx)
	if err == nil && !found {
		begun, err = b.send(ctx)
	}
	if err != nil && b.lost {
		return Begun{}, &UncertainError{Cluster: e.Cluster.Name, Err: err}
	}
	return begun, err
}

// beginning is one run of Begin.
type beginning struct {
	*Engine
	token string
	// before are the updates that were known before the first request.
	before []eks.Update
	// sent is true once a request was sent.
	sent bool
	// lost is true once the answer to a request was lost. It never becomes false again: no later refusal shows what
	// EKS did with that request.
	lost bool
}

func (b *beginning) send(ctx context.Context) (Begun, error) {
	var last error
	for attempt := range beginAttempts {
		if err := b.pause(ctx, attempt); err != nil {
			return Begun{}, err
		}
		b.sent = true
		u, err := b.EKS.Associate(ctx, b.Cluster.Ref(), b.KeyARN, b.token)
		if err == nil {
			fresh := b.isFresh(u.ID)
			return Begun{UpdateID: u.ID, Adopted: !fresh, Fresh: fresh}, nil
		}
		last = err
		reason := classify(err)
		b.lost = b.lost || reason == uncertain
		if reason == rejected && !b.lost {
			return Begun{}, b.rejection(err)
		}
		begun, found, findErr := b.look(ctx)
		switch {
		case findErr == nil && found:
			return begun, nil
		case errors.As(findErr, new(*otherKeyError)):
			return Begun{}, findErr
		case ctx.Err() != nil:
			return Begun{}, b.interrupted(ctx)
		case findErr == nil && reason == conflict && !b.lost:
			return Begun{}, b.rejection(err)
		}
		if reason == expiredCredentials && b.Refresh != nil {
			b.Refresh()
		}
	}
	return Begun{}, b.rejection(last)
}

// pause waits before the attempt, but not before the first one. It returns an error if ctx has ended.
func (b *beginning) pause(ctx context.Context, attempt int) error {
	if attempt > 0 && ctx.Err() == nil {
		if err := b.sleep(ctx, beginPause<<(attempt-1)); err != nil {
			return b.interrupted(ctx)
		}
	}
	if ctx.Err() != nil {
		return b.interrupted(ctx)
	}
	return nil
}

// interrupted returns the error for a context that has ended. With a lost answer, it does not state what EKS did.
func (b *beginning) interrupted(ctx context.Context) error {
	if b.lost {
		return context.Cause(ctx)
	}
	return &InterruptedError{Sent: b.sent}
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
