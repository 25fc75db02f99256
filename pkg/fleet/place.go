package fleet

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// access is an account that lets us in.
type access struct {
	id      string
	clients *awsclient.Clients
}

// openAccounts assumes the role in each account, before anything is asked: whom to
// ask about a key depends on which accounts are open.
func (g *gatherer) openAccounts(ctx context.Context, ids []string) {
	var all errgroup.Group
	all.SetLimit(g.MaxConcurrency)
	for _, id := range ids {
		all.Go(func() error {
			clients, err := g.open(ctx, id)
			if err != nil {
				g.unreachable(id, "", err)
				return nil
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.accounts[id] = &access{id, clients}
			return nil
		})
	}
	_ = all.Wait()
}

func (g *gatherer) open(ctx context.Context, id string) (*awsclient.Clients, error) {
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
	if id == g.own && awsclient.KindOf(err) == awsclient.KindAccessDenied {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.out.Notes = append(g.out.Notes, fmt.Sprintf("in the caller's own account %s the role %s can't be assumed: it was asked as the caller", id, g.Scope.RoleName))
		return g.Clients, nil
	}
	return nil, err
}

type placeID struct{ account, region string }

// place is one region of one account: AWS's quotas are by these.
type place struct {
	account, region string
	clients         *awsclient.Clients
	keyFacts        func(context.Context, string) inspect.KeyFacts
}

func (g *gatherer) place(a *access, region string) *place {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := placeID{a.id, region}
	p := g.places[id]
	if p == nil {
		p = &place{account: a.id, region: region, clients: a.clients.In(region).Through(g.gate())}
		reader := &keyReader{Reader: p.clients.KMS(region), account: a.id}
		p.keyFacts = inspect.KeyFrom(func(string) kms.Reader { return reader })
		g.places[id] = p
	}
	return p
}

// gate holds the calls to one place back when it throttles, and the calls to all
// places below MaxConcurrency.
func (g *gatherer) gate() awsclient.Gate {
	limiter := limiter.NewLimiter(g.MaxConcurrency, g.Now)
	return func(ctx context.Context, send func() bool) error {
		var refused error
		err := limiter.Do(ctx, func() bool {
			select {
			case g.slots <- struct{}{}:
				defer func() { <-g.slots }()
			case <-ctx.Done():
				refused = ctx.Err()
				return false
			}
			throttled := send()
			if throttled {
				g.tell(func(p *Progress) { p.Throttled++ })
			}
			return throttled
		})
		return errors.Join(err, refused)
	}
}
