package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// DefaultMaxConcurrency is the default maximum number of concurrent calls to AWS.
const DefaultMaxConcurrency = 32

// Options are the inputs of Gather.
type Options struct {
	// Clients are authorized as the caller.
	Clients *awsclient.Clients
	Scope   Scope
	Filter  Filter
	// MaxConcurrency is the maximum number of concurrent calls, over all accounts and
	// regions. Where AWS throttles calls, fewer are made.
	MaxConcurrency int
	// Progress, if not nil, is called after every change, from several goroutines.
	Progress func(Progress)
	// Delay returns the time to wait before a retry; nil means the default of the SDK.
	Delay func(attempt int) time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Progress counts the work that Gather has found and done.
type Progress struct {
	Regions, RegionsDone   int // each is one region of one account
	Clusters, ClustersDone int
	Unreachable, Throttled int
}

// Gathered is the result of Gather.
type Gathered struct {
	Items       []v1alpha1.EncryptionReport
	Unreachable []v1alpha1.Unreachable
	// Regions and Accounts are those of the scope, whether or not they could be queried.
	Regions, Accounts []string
	Notes             []string
}

type gatherer struct {
	Options
	keys       KeyCache
	sem        chan struct{} // limits the concurrent calls
	partition  string
	ownAccount string // of the caller
	accounts   map[string]*accountClients

	mu       sync.Mutex
	regions  map[accountRegion]*regionClients
	out      Gathered
	progress Progress
	filtered int // clusters that the filter excludes
}

// Gather finds the clusters of the scope and queries each of them. Regions, accounts and
// clusters that fail are part of the result, with the reason. Gather returns an error only
// if it cannot identify the caller or the accounts, or if ctx ends.
func Gather(ctx context.Context, o Options) (*Gathered, error) {
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = DefaultMaxConcurrency
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Clients = o.Clients.RetryThrottled(o.Delay)
	g := &gatherer{
		Options: o, sem: make(chan struct{}, o.MaxConcurrency),
		accounts: map[string]*accountClients{}, regions: map[accountRegion]*regionClients{},
	}
	ownAccount, caller, err := o.Clients.Caller(ctx)
	if err != nil {
		return nil, err
	}
	callerARN, err := arn.Parse(caller)
	if err != nil {
		return nil, fmt.Errorf("parsing the caller's ARN %q: %w", caller, err)
	}
	g.ownAccount, g.partition = ownAccount, callerARN.Partition
	ids, err := g.accountIDs(ctx)
	if err != nil {
		return nil, err
	}
	if listed := len(ids); g.Scope.Shard.Count > 0 {
		ids = g.Scope.Shard.of(ids)
		g.out.Notes = append(g.out.Notes, fmt.Sprintf("shard %s: %d of %d accounts", g.Scope.Shard, len(ids), listed))
	}
	g.assumeRoles(ctx, ids)
	var all errgroup.Group
	for _, a := range g.accounts {
		all.Go(func() error {
			g.queryAccount(ctx, a)
			return nil
		})
	}
	_ = all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return g.result(ids), nil
}

// queryAccount queries each region of one account.
func (g *gatherer) queryAccount(ctx context.Context, a *accountClients) {
	regions := g.Scope.Regions
	switch {
	case len(regions) == 0:
		regions = []string{g.Clients.Region()}
	case regions[0] == AllRegions:
		var err error
		if regions, err = enabledRegions(ctx, a.clients); err != nil {
			g.addUnreachable(a.id, "", fmt.Errorf("listing the enabled regions: %w", err))
			return
		}
	}
	g.update(func(p *Progress) { p.Regions += len(regions) })
	var all errgroup.Group
	for _, region := range regions {
		all.Go(func() error {
			g.queryRegion(ctx, g.clientsFor(a, region))
			g.update(func(p *Progress) { p.RegionsDone++ })
			return nil
		})
	}
	_ = all.Wait()
}

// queryRegion queries each cluster of one region, starting with the first page of names.
func (g *gatherer) queryRegion(ctx context.Context, c *regionClients) {
	g.mu.Lock()
	g.out.Regions = append(g.out.Regions, c.region)
	g.mu.Unlock()
	var all errgroup.Group
	err := eks.New(c.clients.EKS()).EachClusterPage(ctx, true, func(names []string) {
		for _, name := range names {
			if !g.Filter.MatchesName(name) {
				g.mu.Lock()
				g.filtered++
				g.mu.Unlock()
				continue
			}
			g.update(func(p *Progress) { p.Clusters++ })
			all.Go(func() error {
				g.queryCluster(ctx, c, name)
				g.update(func(p *Progress) { p.ClustersDone++ })
				return nil
			})
		}
	})
	_ = all.Wait()
	if err != nil && ctx.Err() == nil {
		g.addUnreachable(c.account, c.region, err)
	}
}

// queryCluster adds the report of one cluster, unless its tags exclude it.
func (g *gatherer) queryCluster(ctx context.Context, c *regionClients, name string) {
	b := binding.New(binding.Target{
		ARN:  fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", g.partition, c.region, c.account, name),
		Name: name, Region: c.region, Account: c.account, Partition: g.partition,
	}, nil, nil)
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: eks.New(c.clients.EKS()), WithoutUpdates: true,
		Key: func(ctx context.Context, keyARN string) inspect.KeyFacts { return g.queryKey(ctx, c, keyARN) },
	}, b)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case result.Err != nil && awsclient.KindOf(result.Err) == awsclient.KindNotFound:
		g.out.Notes = append(g.out.Notes, fmt.Sprintf("cluster %s was deleted during the audit", b.ARN))
	case result.Err == nil && !g.Filter.MatchesTags(result.Tags):
		g.filtered++
	default: // if the query failed, the tags are unknown and the cluster stays in
		g.out.Items = append(g.out.Items, result.Report)
	}
}

// queryKey queries a key with the clients of the account that owns it, if that account is
// in the scope. Otherwise it uses those of the cluster's account, which may lack access.
func (g *gatherer) queryKey(ctx context.Context, c *regionClients, keyARN string) inspect.KeyFacts {
	caller, region := g.accounts[c.account], c.region
	if a, err := arn.Parse(keyARN); err == nil {
		region = a.Region
		if owner := g.accounts[a.AccountID]; owner != nil {
			caller = owner
		}
	}
	return g.keys.Facts(ctx, caller.id, keyARN, g.clientsFor(caller, region).keyFacts)
}

func (g *gatherer) addUnreachable(account, region string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	g.mu.Lock()
	g.out.Unreachable = append(g.out.Unreachable,
		v1alpha1.Unreachable{Account: account, Region: region, Reason: err.Error()})
	g.mu.Unlock()
	g.update(func(p *Progress) { p.Unreachable++ })
}

// update changes the progress and reports it.
func (g *gatherer) update(change func(*Progress)) {
	g.mu.Lock()
	change(&g.progress)
	now := g.progress
	g.mu.Unlock()
	if g.Progress != nil {
		g.Progress(now)
	}
}

// result returns the sorted result.
func (g *gatherer) result(accounts []string) *Gathered {
	out := &g.out
	out.Accounts = accounts
	slices.Sort(out.Regions)
	out.Regions = slices.Compact(out.Regions)
	slices.SortFunc(out.Items, func(x, y v1alpha1.EncryptionReport) int {
		a, b := &x.Cluster, &y.Cluster
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(out.Unreachable, func(a, b v1alpha1.Unreachable) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	if g.filtered > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d clusters were left out by --cluster-name or --tag", g.filtered))
	}
	slices.Sort(out.Notes)
	return out
}
