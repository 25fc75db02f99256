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

// Criterion describes the cluster that Find looks for.
type Criterion struct {
	what    string
	matches func(Cluster) bool
}

// String returns the criterion for messages, such as "the endpoint HOST".
func (c Criterion) String() string { return c.what }

// ByEndpoint describes the cluster whose endpoint has this host.
func ByEndpoint(host string) Criterion {
	return Criterion{"the endpoint " + host, func(c Cluster) bool { return sameHost(c.Endpoint, host) }}
}

// ByIssuer describes the cluster with this OIDC issuer.
func ByIssuer(issuer string) Criterion {
	return Criterion{"the OIDC issuer " + issuer, func(c Cluster) bool { return issuer != "" && c.Issuer == issuer }}
}

// Find lists and describes the region's clusters until one meets the criterion. progress is called with the number of
// clusters described and listed, from several goroutines.
func (c *Client) Find(ctx context.Context, by Criterion, progress func(done, total int)) (Cluster, error) {
	found := make(chan Cluster, 1)
	var done, total, failed atomic.Int64
	g, searching := errgroup.WithContext(ctx)
	g.SetLimit(clusterConcurrency)
	err := c.EachClusterPage(searching, false, func(names []string) error {
		total.Add(int64(len(names)))
		for _, name := range names {
			g.Go(func() error {
				cluster, err := c.Cluster(searching, Ref{Name: name})
				if err != nil && searching.Err() == nil && ignoreNotFound(err) != nil {
					failed.Add(1)
				}
				progress(int(done.Add(1)), int(total.Load()))
				if err != nil || !by.matches(cluster) {
					return nil //nolint:nilerr // another cluster may meet the criterion
				}
				select {
				case found <- cluster:
				default:
				}
				return foundError{}
			})
		}
		return nil
	})
	_ = g.Wait()
	select {
	case cluster := <-found:
		return cluster, nil
	default:
	}
	switch {
	case ctx.Err() != nil:
		return Cluster{}, fmt.Errorf("find the cluster with %s: %w after %d of %d clusters", by,
			context.Cause(ctx), done.Load(), total.Load())
	case err != nil:
		return Cluster{}, err
	case failed.Load() > 0:
		return Cluster{}, fmt.Errorf("no cluster with %s was found, but %d of the %d listed could not be "+
			"described", by, failed.Load(), total.Load())
	}
	return Cluster{}, fmt.Errorf("none of the %d clusters that EKS lists has %s", total.Load(), by)
}

func sameHost(endpoint, host string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && host != "" && strings.EqualFold(u.Hostname(), host)
}
