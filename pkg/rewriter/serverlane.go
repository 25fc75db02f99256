package rewriter

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

const (
	scrapeTries = 5
	// Two servers behind a proxy that chooses at random for each request are missed with
	// a probability of 1 in 64 by the first connection, and of 1 in 16 by each other one.
	poolRequests  = 5
	aloneRequests = 2
)

// serverLane is a connection to one API server.
type serverLane struct {
	*apiserver.Lane
	server    apiserver.Server
	responded bool
	distance  time.Duration // shortest round trip of a small request; 0 if unknown
}

// connect opens one connection and identifies its server. An API server that does not
// respond here is reported by the requests that follow.
func connect(ctx context.Context, config *rest.Config, number int) (lane serverLane, err error) {
	if lane.Lane, err = apiserver.Open(config, number); err != nil {
		return lane, err
	}
	for range scrapeTries {
		if lane.server, err = lane.Identify(ctx, ""); err == nil || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return lane, context.Cause(ctx)
	}
	if lane.responded = err == nil; err != nil {
		lane.server.Err = err
	}
	return lane, nil
}

// checkPools reports whether the requests of one connection reach several servers, as far
// as their addresses can be read. It also measures the distance. The connections send
// requests at the same time. Then the first one sends two alone, which finds a proxy that
// takes the servers in turn: it could give each of several connections always the same one.
func checkPools(ctx context.Context, lanes []serverLane) bool {
	seen := make([]addresses, len(lanes))
	for i := range seen {
		seen[i] = addresses{}
	}
	for range poolRequests {
		var all sync.WaitGroup
		for i := range lanes {
			all.Go(func() { lanes[i].address(ctx, seen[i]) })
		}
		all.Wait()
	}
	for range aloneRequests {
		lanes[0].address(ctx, seen[0])
	}
	return slices.ContainsFunc(seen, addresses.differ)
}

// addresses are the addresses of the servers that responded, by connection.
type addresses map[string][]string

// differ reports whether several servers responded on one connection. A connection that
// breaks may be followed by one to another server.
func (a addresses) differ() bool {
	for _, all := range a {
		if slices.ContainsFunc(all, func(address string) bool { return address != all[0] }) {
			return true
		}
	}
	return false
}

// address asks the server for its address.
func (l *serverLane) address(ctx context.Context, seen addresses) {
	sent := time.Now()
	address, connection, err := l.Address(ctx)
	took := time.Since(sent)
	if err != nil {
		return
	}
	if l.distance == 0 || took < l.distance {
		l.distance = took
	}
	seen[connection] = append(seen[connection], address)
}
