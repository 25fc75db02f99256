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
	// AccountNames are the names of the accounts by id, as far as AWS Organizations listed them.
	AccountNames map[string]string
	// Answered are the places whose clusters were listed completely.
	Answered []v1alpha1.AccountRegions
	// FilteredOut are the ARNs of the clusters that the filter excludes.
	FilteredOut []string
	Notes       []string

	clients map[string]*awsclient.Clients // by account
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
	// exclusions are the patterns of the scope that left something out.
	exclusions map[string]bool
	answered   map[string][]string // regions by account
	disabled   map[string]int      // accounts by region and status
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
		exclusions: map[string]bool{}, answered: map[string][]string{}, disabled: map[string]int{},
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
	regions, err := g.regionNames(ctx, a)
	if err != nil {
		g.addUnreachable(a.id, "", fmt.Errorf("listing the enabled regions: %w", err))
		return
	}
	if len(regions) == 0 {
		g.mu.Lock()
		g.out.Notes = append(g.out.Notes, fmt.Sprintf("account %s was not queried: every region of it is excluded", a.id))
		g.mu.Unlock()
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

// regionNames returns the regions of the scope in one account, each once, without those that it excludes.
func (g *gatherer) regionNames(ctx context.Context, a *accountClients) ([]string, error) {
	names := g.Scope.Regions
	switch {
	case len(names) == 0:
		names = []string{g.Clients.Region()}
	case names[0] == AllRegions:
		enabled, others, err := listRegions(ctx, a.clients)
		if err != nil {
			return nil, err
		}
		for name, status := range others {
			if !g.excluded(g.Scope.ExcludeRegions, name) {
				g.mu.Lock()
				g.disabled[name+" ("+status+")"]++
				g.mu.Unlock()
			}
		}
		names = enabled
	}
	return slices.DeleteFunc(distinct(names), func(name string) bool {
		return g.excluded(g.Scope.ExcludeRegions, name)
	}), nil
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
				g.out.FilteredOut = append(g.out.FilteredOut, g.clusterARN(c.accountRegion, name))
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
	switch {
	case ctx.Err() != nil:
	case err != nil:
		g.addUnreachable(c.account, c.region, err)
	default:
		g.mu.Lock()
		g.answered[c.account] = append(g.answered[c.account], c.region)
		g.mu.Unlock()
	}
}

func (g *gatherer) clusterARN(in accountRegion, name string) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", g.partition, in.region, in.account, name)
}

// queryCluster adds the report of one cluster, unless its tags exclude it.
func (g *gatherer) queryCluster(ctx context.Context, c *regionClients, name string) {
	b := binding.New(binding.Target{
		ARN:  g.clusterARN(c.accountRegion, name),
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
		g.out.FilteredOut = append(g.out.FilteredOut, b.ARN)
	default: // if the query failed, the tags are unknown and the cluster stays in
		g.out.Items = append(g.out.Items, result.Report)
	}
}

// queryKey queries a key with the clients of the account that owns it, if that account is
// in the scope. If these lack access, or otherwise, it uses those of the cluster's account.
func (g *gatherer) queryKey(ctx context.Context, c *regionClients, keyARN string) inspect.KeyFacts {
	own, region := g.accounts[c.account], c.region
	query := func(caller *accountClients) inspect.KeyFacts {
		return g.keys.Facts(ctx, caller.id, keyARN, g.clientsFor(caller, region).keyFacts)
	}
	var owner *accountClients
	if a, err := arn.Parse(keyARN); err == nil {
		region, owner = a.Region, g.accounts[a.AccountID]
	}
	if owner == nil || owner == own {
		return query(own)
	}
	facts := query(owner)
	if awsclient.KindOf(facts.Err) == awsclient.KindAccessDenied {
		if second := query(own); second.Err == nil {
			return second
		}
	}
	return facts
}

func (g *gatherer) addUnreachable(account, region string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	g.mu.Lock()
	g.out.Unreachable = append(g.out.Unreachable, newUnreachable(account, region, err))
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
	for account, regions := range g.answered {
		slices.Sort(regions)
		out.Answered = append(out.Answered, v1alpha1.AccountRegions{Account: account, Regions: regions})
	}
	slices.SortFunc(out.Answered, func(a, b v1alpha1.AccountRegions) int { return cmp.Compare(a.Account, b.Account) })
	slices.Sort(out.FilteredOut)
	if n := len(out.FilteredOut); n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d clusters were left out by --cluster-name or --tag", n))
	}
	out.Notes = append(append(out.Notes, g.unusedExclusions()...), disabledNotes(g.disabled)...)
	slices.Sort(out.Notes)
	return out
}
