package fleet

import (
	"context"
	"errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// accountRegion identifies one region of one account. AWS applies its quotas to it.
type accountRegion struct{ account, region string }

// regionClients are the clients for one region of one account.
type regionClients struct {
	accountRegion
	clients  *awsclient.Clients
	keyFacts func(context.Context, string) inspect.KeyFacts
}

// clientsFor returns the shared clients for one region of the account.
func (g *gatherer) clientsFor(a *accountClients, region string) *regionClients {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := accountRegion{a.id, region}
	c := g.regions[id]
	if c == nil {
		c = &regionClients{accountRegion: id, clients: a.clients.In(region).WithGate(g.throttle())}
		reader := &kms.AccountReader{Reader: c.clients.KMS(region), Account: a.id}
		c.keyFacts = inspect.KeyFrom(func(string) kms.Reader { return reader })
		g.regions[id] = c
	}
	return c
}

// throttle returns a gate for the calls to one region of one account. It lets fewer calls
// through if AWS throttles them, and at most MaxConcurrency over all regions.
func (g *gatherer) throttle() awsclient.Gate {
	l := limiter.New(limiter.Options{Ceiling: g.MaxConcurrency, Now: g.Now})
	return func(ctx context.Context, send func() bool) error {
		var canceled error
		err := l.Do(ctx, func() bool {
			select {
			case g.sem <- struct{}{}:
				defer func() { <-g.sem }()
			case <-ctx.Done():
				canceled = ctx.Err()
				return false
			}
			throttled := send()
			if throttled {
				g.update(func(p *Progress) { p.Throttled++ })
			}
			return throttled
		})
		return errors.Join(err, canceled)
	}
}
