package associate

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// serverInterval is the time between two looks at the Leases of the API servers.
const serverInterval = 10 * time.Second

// watchServers returns a function that reports how many API servers are new since now: EKS replaces them one after the
// other during an association. It reports nothing if the Leases are not readable. The watch ends with the context.
func (r *runner) watchServers(ctx context.Context) func() string {
	var text atomic.Pointer[string]
	go func() {
		if r.facts.Cluster.Guard != v1alpha1.GuardMatch {
			return
		}
		config, err := r.binding.REST()
		if err != nil {
			return
		}
		lane, err := apiserver.Open(config, 0)
		if err != nil {
			return
		}
		defer lane.Close()
		first, err := apiserver.ReadRoster(ctx, lane)
		if err != nil {
			return
		}
		ticks := time.NewTicker(serverInterval)
		defer ticks.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
			now, err := apiserver.ReadRoster(ctx, lane)
			if err != nil {
				continue // the server of this connection may be the one that is replaced
			}
			fresh, live := now.New(first)
			line := fmt.Sprintf(", API servers: %d of %d new", fresh, live)
			text.Store(&line)
		}
	}()
	return func() string {
		if line := text.Load(); line != nil {
			return *line
		}
		return ""
	}
}
