package fleet

import "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"

func (g *Gathered) addClients(account string, clients *awsclient.Clients) {
	if g.clients == nil {
		g.clients = map[string]*awsclient.Clients{}
	}
	g.clients[account] = clients
}

// Clients returns the clients with which Gather queried a region of an account, or nil if it has none. They are not
// limited in their concurrency.
func (g *Gathered) Clients(account, region string) *awsclient.Clients {
	if g.clients[account] == nil {
		return nil
	}
	return g.clients[account].In(region)
}
