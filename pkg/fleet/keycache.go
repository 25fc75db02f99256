package fleet

import (
	"context"
	"sync"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// KeyCache queries each key only once, even if many clusters use it. The zero value is
// an empty cache. It is safe for concurrent use.
type KeyCache struct {
	mu      sync.Mutex
	entries map[cacheKey]func() inspect.KeyFacts
}

// cacheKey contains the caller, because KMS may answer each caller differently.
type cacheKey struct{ keyARN, caller string }

// Facts returns the cached facts of the key for this caller, or calls query for them.
func (c *KeyCache) Facts(
	ctx context.Context, caller, keyARN string, query func(context.Context, string) inspect.KeyFacts,
) inspect.KeyFacts {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[cacheKey]func() inspect.KeyFacts{}
	}
	facts := c.entries[cacheKey{keyARN, caller}]
	if facts == nil {
		facts = sync.OnceValue(func() inspect.KeyFacts { return query(ctx, keyARN) })
		c.entries[cacheKey{keyARN, caller}] = facts
	}
	c.mu.Unlock()
	return facts()
}
