package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
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
	// Earlier, if not nil, is an incomplete report of the same scope. What it answers is not queried again.
	Earlier *v1alpha1.AuditReport
	// Grace is the time that calls in progress may take to end after the context has ended; 0 means 5 seconds.
	Grace time.Duration
	// ProbeInterval is the time after which an endpoint that did not answer is tried again; 0 means 15 seconds.
	ProbeInterval time.Duration
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
	// Stopped is true if the context ended before everything was queried.
	Stopped bool

	accesses map[string]access // by account
	earlier  earlier
}

type gatherer struct {
	Options
	keys     KeyCache
	sem      chan struct{} // limits the concurrent calls
	places   chan struct{} // limits the places that are queried at the same time
	clusters chan struct{} // limits the clusters that are queried at the same time
	breakers *breakers
	// Once stop has ended, nothing further is started. Once work has ended, what is in progress is cut short.
	stop, work context.Context
	earlier    earlier
	partition  string
	ownAccount string // of the caller
	accounts   map[string]*accountClients
	// others are the accounts of the scope that belong to other shards. They may own keys.
	others map[string]func() *accountClients

	mu       sync.Mutex
	regions  map[accountRegion]*regionClients
	out      Gathered
	progress Progress
	// exclusions are the patterns of the scope that left something out.
	exclusions map[string]bool
	answered   map[string][]string // regions by account
	disabled   map[string]int      // accounts by region and status
}

// Gather finds the clusters of the scope and queries each of them. Regions, accounts and clusters that fail are part of
// the result, with the reason. If ctx ends, Gather starts nothing further, lets the queries in progress end, and lists
// the rest as unreachable. It returns an error only if it cannot identify the caller or the accounts.
func Gather(ctx context.Context, o Options) (*Gathered, error) {
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = DefaultMaxConcurrency
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Clients = o.Clients.RetryThrottled(o.Delay, ctx.Done()) // what is in progress has little time then
	g := &gatherer{
		Options: o, stop: ctx, breakers: newBreakers(o.ProbeInterval, ctx.Done()),
		sem:    make(chan struct{}, o.MaxConcurrency),
		places: make(chan struct{}, 2*o.MaxConcurrency), clusters: make(chan struct{}, 3*o.MaxConcurrency),
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
	if listed := ids; g.Scope.Shard.Count > 0 {
		ids = g.Scope.Shard.of(listed)
		g.others = g.assumeLater(missing(listed, ids))
		g.out.Notes = append(g.out.Notes, shardNote(g.Scope.Shard, len(ids), len(listed)))
	}
	if err := g.resume(ids); err != nil {
		return nil, err
	}
	for _, region := range g.namedRegions() { // also if no account can be queried
		g.addRegion(region)
	}
	work, cancel := Draining(ctx, o.Grace)
	defer cancel()
	g.work = work
	g.queryAccounts(ids)
	return g.result(ids), nil
}

// queryAccounts queries each account.
func (g *gatherer) queryAccounts(ids []string) {
	g.breakers.begin(1 + len(ids))
	g.assumeRoles(g.work, ids)
	var all errgroup.Group
	for _, id := range ids {
		all.Go(func() error {
			var places []*place
			if a := g.accounts[id]; a != nil {
				places = g.placesOf(a)
			}
			g.breakers.begin(len(places))
			g.breakers.end()
			for _, p := range places {
				all.Go(func() error {
					defer g.breakers.end()
					p.query()
					g.update(func(p *Progress) { p.RegionsDone++ })
					return nil
				})
			}
			return nil
		})
	}
	g.breakers.end()
	_ = all.Wait()
}

// placesOf returns the regions of one account, or adds it to the unreachable places.
func (g *gatherer) placesOf(a *accountClients) []*place {
	regions, err := g.regionNames(a)
	switch {
	case err != nil && g.earlier.complete[a.id]: // its clusters are known
	case err != nil:
		g.addUnreachable(a.id, "", g.notQueried(err, "listing the enabled regions: %w"))
	case len(regions) == 0:
		g.addNote("account %s was not queried: every region of it is excluded", a.id)
	}
	g.update(func(p *Progress) { p.Regions += len(regions) })
	var places []*place
	for _, region := range regions {
		places = append(places, &place{accountRegion: accountRegion{a.id, region}, g: g, owner: a})
	}
	return places
}

// regionNames returns the regions of the scope in one account, each once, without those that it excludes.
func (g *gatherer) regionNames(a *accountClients) ([]string, error) {
	if !slices.Contains(g.Scope.Regions, AllRegions) {
		return g.namedRegions(), nil
	}
	enabled, others, err := g.listRegions(a)
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
	return g.notExcluded(enabled), nil
}

// namedRegions returns the regions of the scope that do not depend on the account; none with AllRegions.
func (g *gatherer) namedRegions() []string {
	switch {
	case len(g.Scope.Regions) == 0:
		return g.notExcluded([]string{g.Clients.Region()})
	case slices.Contains(g.Scope.Regions, AllRegions):
		return nil
	}
	return g.notExcluded(g.Scope.Regions)
}

// notExcluded returns the regions, each once, without those that the scope excludes.
func (g *gatherer) notExcluded(regions []string) []string {
	return slices.DeleteFunc(distinct(regions), func(name string) bool {
		return g.excluded(g.Scope.ExcludeRegions, name)
	})
}

func (g *gatherer) clusterARN(in accountRegion, name string) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", g.partition, in.region, in.account, name)
}

func (g *gatherer) addItem(r v1alpha1.EncryptionReport) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.Items = append(g.out.Items, r)
}

func (g *gatherer) addRegion(region string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.Regions = append(g.out.Regions, region)
}

func (g *gatherer) addAnswered(at accountRegion) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answered[at.account] = append(g.answered[at.account], at.region)
}

func (g *gatherer) addFilteredOut(cluster string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.FilteredOut = append(g.out.FilteredOut, cluster)
}

func (g *gatherer) addUnreachable(account, region string, err error, clusters ...string) {
	u := newUnreachable(account, region, err)
	u.Clusters = clusters
	g.mu.Lock()
	g.out.Unreachable = append(g.out.Unreachable, u)
	g.out.Stopped = g.out.Stopped || u.Cause == v1alpha1.CauseInterrupted
	g.mu.Unlock()
	g.update(func(p *Progress) { p.Unreachable++ })
}

func (g *gatherer) addNote(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.out.Notes = append(g.out.Notes, fmt.Sprintf(format, args...))
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
	out.Accounts, out.earlier = accounts, g.earlier
	g.keepUnreachable()
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
		regions = distinct(regions)
		out.Answered = append(out.Answered, v1alpha1.AccountRegions{Account: account, Regions: regions})
	}
	slices.SortFunc(out.Answered, func(a, b v1alpha1.AccountRegions) int { return cmp.Compare(a.Account, b.Account) })
	out.FilteredOut = distinct(out.FilteredOut)
	out.Notes = slices.Concat(out.Notes, filterNotes(len(out.FilteredOut)), g.unusedExclusions(),
		disabledNotes(g.disabled))
	out.Notes = distinct(out.Notes)
	return out
}
