package fleet

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// KeyCache queries each key only once, even if many clusters use it. The zero value is
// an empty cache. It is safe for concurrent use.
type KeyCache struct {
	mu      sync.Mutex
	entries map[cacheKey]*keyEntry
}

type keyEntry struct{ facts func() inspect.KeyFacts }

// cacheKey contains the caller, because KMS may answer each caller differently.
type cacheKey struct{ keyARN, caller string }

// Facts returns the cached facts of the key for this caller, or calls query for them. It does not keep that an endpoint
// was given up, because the endpoint may answer later.
func (c *KeyCache) Facts(
	ctx context.Context, caller, keyARN string, query func(context.Context, string) inspect.KeyFacts,
) inspect.KeyFacts {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[cacheKey]*keyEntry{}
	}
	id := cacheKey{keyARN, caller}
	entry := c.entries[id]
	if entry == nil {
		entry = &keyEntry{sync.OnceValue(func() inspect.KeyFacts { return query(ctx, keyARN) })}
		c.entries[id] = entry
	}
	c.mu.Unlock()
	facts := entry.facts()
	if givenUp := new(givenUpError); errors.As(facts.Err, &givenUp) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[id] == entry {
			delete(c.entries, id)
		}
	}
	return facts
}

// queryKey queries a key with the clients of the account that owns it, if that account is
// in the scope. If these lack access, or otherwise, it uses those of the cluster's account.
func (g *gatherer) queryKey(own *accountClients, region, keyARN string) inspect.KeyFacts {
	query := func(caller *accountClients) inspect.KeyFacts {
		return g.keys.Facts(g.work, caller.id, keyARN, g.clientsFor(caller, region).guarded(g.breakers))
	}
	var owner *accountClients
	if a, err := arn.Parse(keyARN); err == nil {
		region, owner = a.Region, g.account(a.AccountID)
	}
	if owner == nil || owner == own {
		return query(own)
	}
	facts := query(owner)
	if awsclient.KindOf(facts.Err) == awsclient.KindAccessDenied {
		if second := query(own); second.Err == nil {
			return second
		}
	}
	return facts
}

// guarded returns keyFacts with a breaker: it does not call KMS while KMS of the region does not answer.
func (c *regionClients) guarded(breakers *breakers) func(context.Context, string) inspect.KeyFacts {
	return func(ctx context.Context, keyARN string) inspect.KeyFacts {
		ctx, done, err := breakers.check(ctx, endpoint{serviceKMS, c.region})
		if err != nil {
			return inspect.KeyFacts{Key: v1alpha1.Key{ARN: keyARN}, Err: err}
		}
		defer done()
		facts := c.keyFacts(ctx, keyARN)
		if givenUp := new(givenUpError); errors.As(context.Cause(ctx), &givenUp) {
			return inspect.KeyFacts{Key: v1alpha1.Key{ARN: keyARN}, Err: givenUp}
		}
		return facts
	}
}
