package fleet

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// accountClients is an account with clients that are authorized in it.
type accountClients struct {
	id      string
	clients *awsclient.Clients
}

// accountIDs returns the ids of the accounts of the scope, each once, without those that it excludes.
func (g *gatherer) accountIDs(ctx context.Context) ([]string, error) {
	found, err := g.listAccounts(ctx)
	if err != nil {
		return nil, err
	}
	g.out.AccountNames = map[string]string{}
	var ids []string
	for _, a := range found {
		if !g.excluded(g.Scope.ExcludeAccounts, a.id) {
			ids = append(ids, a.id)
			g.out.AccountNames[a.id] = a.name
		}
	}
	maps.DeleteFunc(g.out.AccountNames, func(_, name string) bool { return name == "" })
	if len(ids) == 0 {
		return nil, hint.New("the scope contains no account", "check --accounts, --ou and --exclude-accounts")
	}
	return distinct(ids), nil
}

// listAccounts returns the accounts of the scope, before exclusions.
func (g *gatherer) listAccounts(ctx context.Context) ([]namedAccount, error) {
	switch {
	case g.Scope.Organization:
		return organizationAccounts(ctx, g.Clients)
	case len(g.Scope.Units) > 0:
		return unitAccounts(ctx, g.Clients, distinct(g.Scope.Units))
	}
	ids := g.Scope.Accounts
	if len(ids) == 0 {
		ids = []string{g.ownAccount}
	}
	accounts := make([]namedAccount, len(ids))
	for i, id := range ids {
		accounts[i].id = id
	}
	return accounts, nil
}

// excluded reports whether a pattern of the scope leaves out the account or region.
func (g *gatherer) excluded(patterns []string, value string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := false
	for _, p := range patterns {
		if glob(p, value) {
			g.exclusions[p], out = true, true
		}
	}
	return out
}

// unusedExclusions returns a note for each pattern that leaves out nothing, which may be misspelt.
func (g *gatherer) unusedExclusions() []string {
	var notes []string
	for _, list := range []struct {
		flag     string
		patterns []string
	}{{"--exclude-regions", g.Scope.ExcludeRegions}, {"--exclude-accounts", g.Scope.ExcludeAccounts}} {
		for _, p := range distinct(list.patterns) {
			if !g.exclusions[p] {
				notes = append(notes, unusedNote(list.flag, p))
			}
		}
	}
	return notes
}

func unusedNote(flag, pattern string) string {
	return fmt.Sprintf("%s %s leaves out nothing", flag, pattern)
}

// assumeRoles fills g.accounts before any cluster is queried: the choice of the caller
// for a key depends on which accounts can be accessed.
func (g *gatherer) assumeRoles(ctx context.Context, ids []string) {
	var all errgroup.Group
	all.SetLimit(g.MaxConcurrency)
	for _, id := range ids {
		all.Go(func() error {
			clients, err := (*awsclient.Clients)(nil), errStopped
			if g.stop.Err() == nil {
				clients, err = g.assumeRole(ctx, id)
			}
			if err != nil && !g.earlier.complete[id] {
				g.addUnreachable(id, "", g.notQueried(err, "%w"))
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.out.addAccess(id, access{clients, err})
			if err == nil {
				g.accounts[id] = &accountClients{id, clients}
			}
			return nil
		})
	}
	_ = all.Wait()
}

// assumeLater returns functions that assume the role of an account at their first call.
func (g *gatherer) assumeLater(ids []string) map[string]func() *accountClients {
	later := map[string]func() *accountClients{}
	for _, id := range ids {
		later[id] = sync.OnceValue(func() *accountClients {
			select {
			case g.sem <- struct{}{}:
				defer func() { <-g.sem }()
			case <-g.work.Done():
				return nil
			}
			clients, err := g.assumeRole(g.work, id)
			if err != nil {
				return nil
			}
			return &accountClients{id, clients}
		})
	}
	return later
}

// account returns an account of the scope, or nil if its role could not be assumed.
func (g *gatherer) account(id string) *accountClients {
	if assume := g.others[id]; assume != nil {
		return assume()
	}
	return g.accounts[id]
}

// assumeRole returns clients for the account. In the account of the caller it falls back
// to the caller's own credentials if the role cannot be assumed.
func (g *gatherer) assumeRole(ctx context.Context, id string) (*awsclient.Clients, error) {
	of := g.Scope.roleOf(id)
	if of.Name == "" {
		return g.Clients, nil
	}
	role := fmt.Sprintf("arn:%s:iam::%s:role/%s", g.partition, id, of.Name)
	clients := g.Clients.Assume(role, of.ExternalID, "")
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
			of.Name, id))
		return g.Clients, nil
	}
	return nil, err
}
