package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// accountClients is an account with clients that are authorized in it.
type accountClients struct {
	id      string
	clients *awsclient.Clients
}

// accountIDs returns the ids of the accounts of the scope.
func (g *gatherer) accountIDs(ctx context.Context) ([]string, error) {
	switch {
	case g.Scope.Organization:
		return organizationAccounts(ctx, g.Clients)
	case len(g.Scope.Accounts) > 0:
		return slices.Compact(slices.Sorted(slices.Values(g.Scope.Accounts))), nil
	}
	return []string{g.ownAccount}, nil
}

// assumeRoles fills g.accounts before any cluster is queried: the choice of the caller
// for a key depends on which accounts can be accessed.
func (g *gatherer) assumeRoles(ctx context.Context, ids []string) {
	var all errgroup.Group
	all.SetLimit(g.MaxConcurrency)
	for _, id := range ids {
		all.Go(func() error {
			clients, err := g.assumeRole(ctx, id)
			if err != nil {
				g.addUnreachable(id, "", err)
				return nil
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.accounts[id] = &accountClients{id, clients}
			return nil
		})
	}
	_ = all.Wait()
}

// assumeRole returns clients for the account. In the account of the caller it falls back
// to the caller's own credentials if the role cannot be assumed.
func (g *gatherer) assumeRole(ctx context.Context, id string) (*awsclient.Clients, error) {
	if g.Scope.RoleName == "" {
		return g.Clients, nil
	}
	role := fmt.Sprintf("arn:%s:iam::%s:role/%s", g.partition, id, g.Scope.RoleName)
	clients := g.Clients.Assume(role, "")
	_, err := clients.Config().Credentials.Retrieve(ctx)
	if err == nil {
		return clients, nil
	}
	err = awsclient.Explain(err, awsclient.Operation{Name: "AssumeRole", Action: "sts:AssumeRole", Resource: role})
	if id == g.ownAccount && awsclient.KindOf(err) == awsclient.KindAccessDenied {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.out.Notes = append(g.out.Notes, fmt.Sprintf(
			"could not assume role %s in the caller's own account %s; used the caller's credentials instead",
			g.Scope.RoleName, id))
		return g.Clients, nil
	}
	return nil, err
}

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
