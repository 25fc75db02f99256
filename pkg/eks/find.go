package eks

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// foundError ends the search for a cluster.
type foundError struct{}

func (foundError) Error() string { return "found" }

// FindByEndpoint lists and describes the region's clusters until one has an endpoint with this host. progress is called
// with the number of clusters described and listed, from several goroutines.
func (c *Client) FindByEndpoint(ctx context.Context, host string, progress func(done, total int)) (Cluster, error) {
	found := make(chan Cluster, 1)
	var done, total, failed atomic.Int64
	g, searching := errgroup.WithContext(ctx)
	g.SetLimit(clusterConcurrency)
	err := c.EachClusterPage(searching, false, func(names []string) {
		total.Add(int64(len(names)))
		for _, name := range names {
			g.Go(func() error {
				cluster, err := c.Cluster(searching, Ref{Name: name})
				if err != nil && searching.Err() == nil && ignoreNotFound(err) != nil {
					failed.Add(1)
				}
				progress(int(done.Add(1)), int(total.Load()))
				if err != nil || !sameHost(cluster.Endpoint, host) {
					return nil //nolint:nilerr // another cluster may have the endpoint
				}
				select {
				case found <- cluster:
				default:
				}
				return foundError{}
			})
		}
	})
	_ = g.Wait()
	select {
	case cluster := <-found:
		return cluster, nil
	default:
	}
	switch {
	case ctx.Err() != nil:
		return Cluster{}, fmt.Errorf("find the cluster with the endpoint %s: %w after %d of %d clusters", host,
			context.Cause(ctx), done.Load(), total.Load())
	case err != nil:
		return Cluster{}, err
	case failed.Load() > 0:
		return Cluster{}, fmt.Errorf("no cluster with the endpoint %s was found, but %d of the %d listed could not be "+
			"described", host, failed.Load(), total.Load())
	}
	return Cluster{}, fmt.Errorf("none of the %d clusters that EKS lists has the endpoint %s", total.Load(), host)
}

func sameHost(endpoint, host string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && host != "" && strings.EqualFold(u.Hostname(), host)
}
