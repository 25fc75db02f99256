package association

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// Engine sends and waits. EKS, Cluster and KeyARN are needed; the rest has defaults.
type Engine struct {
	EKS API
	// Cluster is as DescribeCluster named it.
	Cluster *Cluster
	// KeyARN is the ARN of the key itself, never an alias.
	KeyARN string
	// Updates are the cluster's as known before.
	Updates []Update
	// Timeout bounds the wait; 0 means DefaultTimeout.
	Timeout time.Duration
	// Progress is called after each poll.
	Progress func(Progress)
	// Refresh drops cached credentials that EKS has called expired; may be nil.
	Refresh func()

	// Now and Sleep stand for the clock; nil means the real one.
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
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Token is the client request token of the change: the same for the same cluster,
// key and history, so that a second run, or a second terminal, asks for the same
// update rather than for another. An association that ended in vain is part of the
// history, so that the next attempt is a new one.
func Token(c *Cluster, keyARN string, updates []Update) string {
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

// Begun is an association that EKS has taken on.
type Begun struct {
	// UpdateID is empty if the cluster has the key already.
	UpdateID string
	// Adopted says that somebody else's request, or an earlier one, began it.
	Adopted bool
}

const (
	beginAttempts = 6
	beginPause    = 2 * time.Second
)

// Begin sends the request. An answer that got lost is followed up by looking: what
// then runs for this key is adopted, and only if nothing does the request is
// repeated, with the same token. Errors mean that EKS took nothing on, but for an
// *UncertainError.
func (e *Engine) Begin(ctx context.Context) (Begun, error) {
	token := Token(e.Cluster, e.KeyARN, e.Updates)
	uncertain := false
	var last error
	for attempt := range beginAttempts {
		if attempt > 0 {
			if err := e.sleep(ctx, beginPause<<(attempt-1)); err != nil {
				break
			}
		}
		u, err := associate(ctx, e.EKS, e.Cluster.Name, e.KeyARN, token)
		if err == nil {
			return Begun{UpdateID: u.ID}, nil
		}
		last = err
		reaction := react(err)
		if reaction == giveUp {
			return Begun{}, e.refused(err)
		}
		uncertain = uncertain || reaction == lookAndRepeat
		begun, found, lookErr := e.look(ctx)
		switch {
		case lookErr == nil && found:
			return begun, nil
		case errors.As(lookErr, new(*otherKeyError)):
			return Begun{}, lookErr
		case lookErr == nil && reaction == look:
			return Begun{}, e.refused(err)
		}
		if reaction == expired && e.Refresh != nil {
			e.Refresh()
		}
		if ctx.Err() != nil {
			break
		}
	}
	if uncertain {
		return Begun{}, &UncertainError{Cluster: e.Cluster.Name, Err: last}
	}
	if ctx.Err() != nil {
		return Begun{}, context.Cause(ctx)
	}
	return Begun{}, e.refused(last)
}

// look finds what runs, or has run, for the key.
func (e *Engine) look(ctx context.Context) (Begun, bool, error) {
	c, err := describe(ctx, e.EKS, e.Cluster.Name)
	switch {
	case err != nil:
		return Begun{}, false, err
	case c.KeyARN == e.KeyARN:
		return Begun{Adopted: true}, true, nil
	case c.KeyARN != "":
		return Begun{}, false, &otherKeyError{c.KeyARN}
	}
	all, err := updates(ctx, e.EKS, e.Cluster.Name)
	if err != nil {
		return Begun{}, false, err
	}
	f := Facts{Updates: all}
	f.Key.ARN = e.KeyARN
	if u := f.Adoptable(); u != nil {
		return Begun{UpdateID: u.ID, Adopted: true}, true, nil
	}
	return Begun{}, false, nil
}

type otherKeyError struct{ keyARN string }

func (e *otherKeyError) Error() string {
	return fmt.Sprintf("the cluster has been given another key meanwhile, %s: it can't be changed", e.keyARN)
}

type reaction int

const (
	giveUp        reaction = iota // EKS refused: nothing was done
	look                          // another update is in the way, perhaps this very one
	wait                          // turned away for the moment: nothing was done
	expired                       // the credentials were: nothing was done
	lookAndRepeat                 // no telling whether it was taken on
)

// react knows the errors of AssociateEncryptionConfig. "Another update runs" comes
// as ResourceInUseException or as InvalidRequestException, "has a key" as
// InvalidParameterException.
func react(err error) reaction {
	text := message(err)
	switch code(err) {
	case "ResourceInUseException":
		return look
	case "InvalidRequestException":
		if strings.Contains(text, "currently has") || strings.Contains(text, "in progress") {
			return look
		}
		return giveUp
	case "InvalidParameterException":
		if strings.Contains(text, "already enabled") {
			return look
		}
		return giveUp
	}
	switch awsclient.KindOf(explain(err, "AssociateEncryptionConfig", "")) {
	case awsclient.KindThrottled:
		return wait
	case awsclient.KindExpiredCredentials:
		return expired
	case awsclient.KindServer, awsclient.KindTimeout, awsclient.KindUnreachable:
		return lookAndRepeat
	}
	return giveUp
}
