package fleet

import (
	"context"
	"sync"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// KeyCache asks about a key once, however many clusters hang on it. The zero value
// is empty. It is safe for concurrent use.
type KeyCache struct {
	mu    sync.Mutex
	known map[keyAsked]*keyAnswer
}

// keyAsked has the asker in it: two principals may be told different things.
type keyAsked struct{ keyARN, asker string }

type keyAnswer struct {
	once  sync.Once
	facts inspect.KeyFacts
}

// Facts are what the asker was told of the key, or is told now.
func (c *KeyCache) Facts(ctx context.Context, asker, keyARN string, ask func(context.Context, string) inspect.KeyFacts) inspect.KeyFacts {
	c.mu.Lock()
	if c.known == nil {
		c.known = map[keyAsked]*keyAnswer{}
	}
	answer := c.known[keyAsked{keyARN, asker}]
	if answer == nil {
		answer = &keyAnswer{}
		c.known[keyAsked{keyARN, asker}] = answer
	}
	c.mu.Unlock()
	answer.once.Do(func() { answer.facts = ask(ctx, keyARN) })
	return answer.facts
}
