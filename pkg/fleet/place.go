package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// place is one region of one account, while it is queried.
type place struct {
	accountRegion
	g     *gatherer
	owner *accountClients

	clients *regionClients
	listed  bool
	listErr error
	names   []string // of the clusters that were listed and that the filter selects

	mu     sync.Mutex
	ended  sync.Cond       // the query of a cluster has ended
	asking int             // clusters that are queried now
	done   map[string]bool // clusters that need no further query
	// withoutKey are the ARNs of the clusters whose key was not queried, and keyErr is why.
	withoutKey []string
	keyErr     error
}

// query queries each cluster of the place, unless an earlier audit has.
func (p *place) query() {
	p.g.addRegion(p.region)
	if p.g.earlier.answered[p.accountRegion] {
		p.g.addAnswered(p.accountRegion)
		return
	}
	p.ended.L, p.done = &p.mu, map[string]bool{}
	err := p.g.breakers.run(p.g.work, endpoint{serviceEKS, p.region}, func(ctx context.Context) bool {
		select {
		case p.g.places <- struct{}{}:
			p.queryClusters(ctx)
			<-p.g.places
		case <-p.g.stop.Done():
		case <-ctx.Done():
		}
		return p.listed && len(p.missing()) == 0
	})
	p.report(err)
}

// queryClusters queries each cluster, starting with the first page of names.
func (p *place) queryClusters(ctx context.Context) {
	p.clients, p.names, p.listed = p.g.clientsFor(p.owner, p.region), nil, false
	var all errgroup.Group
	client := eks.New(p.clients.clients.EKS())
	p.listErr = client.EachClusterPage(ctx, true, func(page []string) error {
		names := p.selected(page)
		p.names = append(p.names, names...)
		p.g.update(func(progress *Progress) { progress.Clusters += len(names) })
		for _, name := range names {
			switch {
			case p.isDone(name):
				p.g.update(func(progress *Progress) { progress.ClustersDone++ })
				continue
			case !p.begin(ctx):
				return errStopped
			}
			all.Go(func() error {
				p.queryCluster(ctx, client, name)
				p.end()
				return nil
			})
		}
		return nil
	})
	p.listed = p.listErr == nil
	_ = all.Wait()
}

// selected returns the names that the filter selects.
func (p *place) selected(names []string) []string {
	var selected []string
	for _, name := range names {
		if p.g.Filter.MatchesName(name) {
			selected = append(selected, name)
			continue
		}
		p.g.addFilteredOut(p.arn(name))
	}
	return selected
}

// isDone reports whether a cluster needs no further query.
func (p *place) isDone(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done[name] = p.done[name] || p.g.earlier.clusters[p.arn(name)]
	return p.done[name]
}

// begin waits until one more cluster may be queried. It returns false if none may be queried any more.
func (p *place) begin(ctx context.Context) bool {
	p.mu.Lock()
	for p.asking >= p.clients.limit.Limit() {
		p.ended.Wait()
	}
	p.asking++
	p.mu.Unlock()
	if p.g.stop.Err() == nil && ctx.Err() == nil {
		select {
		case p.g.clusters <- struct{}{}:
			return true
		case <-p.g.stop.Done():
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking--
	return false
}

func (p *place) end() {
	<-p.g.clusters
	p.mu.Lock()
	p.asking--
	p.ended.Signal()
	p.mu.Unlock()
	p.g.update(func(progress *Progress) { progress.ClustersDone++ })
}

func (p *place) arn(name string) string { return p.g.clusterARN(p.accountRegion, name) }

// queryCluster adds the report of one cluster, unless its tags exclude it.
func (p *place) queryCluster(ctx context.Context, client *eks.Client, name string) {
	b := binding.New(binding.Target{
		ARN: p.arn(name), Name: name, Region: p.region, Account: p.account, Partition: p.g.partition,
	}, nil, nil)
	var keyErr error
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: client, WithoutUpdates: true,
		Key: func(_ context.Context, keyARN string) inspect.KeyFacts {
			facts := p.g.queryKey(p.owner, p.region, keyARN)
			keyErr = facts.Err
			return facts
		},
	}, b)
	if errors.Is(result.Err, context.Canceled) || p.g.work.Err() != nil {
		return // it was cut short
	}
	p.mu.Lock()
	p.done[name] = true
	if unanswered := new(givenUpError); errors.As(keyErr, &unanswered) {
		p.withoutKey, p.keyErr = append(p.withoutKey, b.ARN), keyErr
	}
	p.mu.Unlock()
	switch {
	case result.Err != nil && awsclient.KindOf(result.Err) == awsclient.KindNotFound:
		p.g.addNote("cluster %s %s", b.ARN, deletedMeanwhile)
	case result.Err == nil && !p.g.Filter.MatchesTags(result.Tags):
		p.g.addFilteredOut(b.ARN)
	default: // if the query failed, the tags are unknown and the cluster stays in
		p.g.addItem(result.Report)
	}
}

// missing returns the ARNs of the clusters that were listed and not queried.
func (p *place) missing() []string {
	var missing []string
	for _, name := range p.names {
		if !p.done[name] {
			missing = append(missing, p.arn(name))
		}
	}
	return missing
}

// report adds the place to those that answered, or to those that are unreachable. err is why its endpoint was not
// called.
func (p *place) report(err error) {
	missing := p.missing()
	stopped := func(err error) bool { return errors.Is(err, errStopped) || errors.Is(err, context.Canceled) }
	switch {
	case err != nil && !stopped(err):
		p.g.addUnreachable(p.account, p.region, fmt.Errorf("%s: %w", p.extent(len(missing)), err), missing...)
	case err == nil && p.listErr != nil && !stopped(p.listErr):
		p.g.addUnreachable(p.account, p.region, p.listErr, missing...)
	case !p.listed || len(missing) > 0:
		reason := &stoppedError{p.extent(len(missing)) + ": " + StopReason(p.g.stop)}
		p.g.addUnreachable(p.account, p.region, reason, missing...)
	case len(p.withoutKey) > 0:
		p.g.addUnreachable(p.account, p.region, fmt.Errorf("the keys of %d of %d clusters were not queried: %w",
			len(p.withoutKey), len(p.names), p.keyErr), p.withoutKey...)
	default:
		p.g.addAnswered(p.accountRegion)
	}
}

// extent describes how much of the place was not queried.
func (p *place) extent(missing int) string {
	switch {
	case p.listed:
		return fmt.Sprintf("%d of %d clusters not queried", missing, len(p.names))
	case len(p.names) > 0:
		return fmt.Sprintf("not all clusters listed, and %d of the first %d not queried", missing, len(p.names))
	}
	return "not queried"
}
