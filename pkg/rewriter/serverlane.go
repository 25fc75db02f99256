package rewriter

import (
	"context"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

const (
	scrapeTries = 5
	// Two servers behind a proxy that chooses at random for each request are missed with
	// a probability of 1 in 16 for each connection.
	poolRequests = 5
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

// checkPool reports whether the requests of the connection reach several servers, as far
// as their addresses can be read. A connection that breaks may be followed by one to
// another server. It also measures the distance.
func (l *serverLane) checkPool(ctx context.Context) bool {
	addresses := map[string]string{} // by connection
	for range poolRequests {
		sent := time.Now()
		address, connection, err := l.Address(ctx)
		took := time.Since(sent)
		if err != nil {
			continue
		}
		if l.distance == 0 || took < l.distance {
			l.distance = took
		}
		first, known := addresses[connection]
		if known && address != first {
			return true
		}
		addresses[connection] = address
	}
	return false
}
