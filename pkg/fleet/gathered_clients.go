package fleet

import (
	"errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// access is the access of the caller to one account: its clients, or why there are none.
type access struct {
	clients *awsclient.Clients
	err     error
}

func (g *Gathered) addAccess(account string, a access) {
	if g.accesses == nil {
		g.accesses = map[string]access{}
	}
	g.accesses[account] = a
}

// Clients returns clients for a region of an account of the scope, whether or not Gather queried it, or why there are
// none. They are not limited in their concurrency.
func (g *Gathered) Clients(account, region string) (*awsclient.Clients, error) {
	a, found := g.accesses[account]
	switch {
	case !found:
		return nil, errors.New("no credentials of this account")
	case a.err != nil:
		return nil, a.err
	}
	return a.clients.In(region), nil
}
