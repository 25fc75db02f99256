package fleet

import (
	"context"
	"errors"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/account"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// accountRegion identifies one region of one account. AWS applies its quotas to it.
type accountRegion struct{ account, region string }

// The ids of the services in the SDK.
const (
	serviceEKS     = "EKS"
	serviceKMS     = "KMS"
	serviceAccount = account.ServiceID
)

// regionClients are the clients for one region of one account.
type regionClients struct {
	accountRegion
	clients  *awsclient.Clients
	limit    *limiter.Limiter
	keyFacts func(context.Context, string) inspect.KeyFacts
}

// clientsFor returns the shared clients for one region of the account.
func (g *gatherer) clientsFor(a *accountClients, region string) *regionClients {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := accountRegion{a.id, region}
	c := g.regions[id]
	if c == nil {
		c = &regionClients{
			accountRegion: id, limit: limiter.New(limiter.Options{Ceiling: g.MaxConcurrency, Now: g.Now}),
		}
		c.clients = a.clients.In(region).WithGate(g.gate(c))
		reader := &kms.AccountReader{Reader: c.clients.KMS(region), Account: a.id}
		c.keyFacts = inspect.KeyFrom(func(string) kms.Reader { return reader })
		g.regions[id] = c
	}
	return c
}

// gate returns a gate for the calls to one region of one account. It lets fewer calls
// through if AWS throttles them, and at most MaxConcurrency over all regions.
func (g *gatherer) gate(c *regionClients) awsclient.Gate {
	return func(ctx context.Context, send func() awsclient.Outcome) error {
		var canceled error
		err := c.limit.Do(ctx, func() bool {
			select {
			case g.sem <- struct{}{}:
				defer func() { <-g.sem }()
			case <-ctx.Done():
				canceled = ctx.Err()
				return false
			}
			sent := time.Now()
			outcome := send()
			at := endpoint{awsmiddleware.GetServiceID(ctx), c.region}
			g.breakers.observe(at, c.account, outcome, time.Since(sent))
			if outcome == awsclient.Throttled {
				g.update(func(p *Progress) { p.Throttled++ })
			}
			return outcome == awsclient.Throttled
		})
		return errors.Join(err, canceled)
	}
}
