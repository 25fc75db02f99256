package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
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

// DefaultMaxConcurrency bounds the calls to AWS under way at one time.
const DefaultMaxConcurrency = 32

// Options say where to ask, and how.
type Options struct {
	// Clients act as the caller.
	Clients *awsclient.Clients
	Scope   Scope
	Filter  Filter
	// MaxConcurrency bounds the calls under way, over all accounts and regions. In
	// each of them fewer are let through where AWS throttles.
	MaxConcurrency int
	// Progress is told now and then, from several goroutines; may be nil.
	Progress func(Progress)
	// Delay is the time before another attempt of a call; nil means the SDK's.
	Delay func(attempt int) time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Progress is how far the asking is.
type Progress struct {
	Places, PlacesDone     int // regions of accounts
	Clusters, ClustersDone int
	Unreachable, Throttled int
}

// Gathered is what was found out, before anything is decided.
type Gathered struct {
	Items       []v1alpha1.EncryptionReport
	Unreachable []v1alpha1.Unreachable
	// Regions and Accounts are those that were to be asked.
	Regions, Accounts []string
	Notes             []string
}

type gatherer struct {
	Options
	keys      KeyCache
	slots     chan struct{} // calls under way
	partition string
	own       string // the caller's account
	accounts  map[string]*access

	mu       sync.Mutex
	places   map[placeID]*place
	out      Gathered
	progress Progress
	leftOut  int
}

// Gather finds the clusters of the scope and asks about each. A region, account or
// cluster that fails is in the result, with the reason; the error is for what
// leaves nothing to ask.
func Gather(ctx context.Context, o Options) (*Gathered, error) {
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = DefaultMaxConcurrency
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Clients = o.Clients.Patient(o.Delay)
	g := &gatherer{
		Options: o, slots: make(chan struct{}, o.MaxConcurrency),
		accounts: map[string]*access{}, places: map[placeID]*place{},
	}
	own, caller, err := o.Clients.Caller(ctx)
	if err != nil {
		return nil, err
	}
	callerARN, err := arn.Parse(caller)
	if err != nil {
		return nil, fmt.Errorf("the caller's ARN %q can't be read: %w", caller, err)
	}
	g.own, g.partition = own, callerARN.Partition
	ids, err := g.accountIDs(ctx)
	if err != nil {
		return nil, err
	}
	g.openAccounts(ctx, ids)
	var all errgroup.Group
	for _, a := range g.accounts {
		all.Go(func() error {
			g.account(ctx, a)
			return nil
		})
	}
	_ = all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return g.result(ids), nil
}

func (g *gatherer) accountIDs(ctx context.Context) ([]string, error) {
	switch {
	case g.Scope.Organization:
		return organizationAccounts(ctx, g.Clients, g.partition)
	case len(g.Scope.Accounts) > 0:
		return slices.Compact(slices.Sorted(slices.Values(g.Scope.Accounts))), nil
	}
	return []string{g.own}, nil
}

// account asks in each region of one account.
func (g *gatherer) account(ctx context.Context, a *access) {
	regions := g.Scope.Regions
	switch {
	case len(regions) == 0:
		regions = []string{g.Clients.Region()}
	case regions[0] == AllRegions:
		var err error
		if regions, err = enabledRegions(ctx, a.clients, g.partition); err != nil {
			g.unreachable(a.id, "", fmt.Errorf("its regions can't be told: %w", err))
			return
		}
	}
	g.tell(func(p *Progress) { p.Places += len(regions) })
	var all errgroup.Group
	for _, region := range regions {
		all.Go(func() error {
			g.region(ctx, g.place(a, region))
			g.tell(func(p *Progress) { p.PlacesDone++ })
			return nil
		})
	}
	_ = all.Wait()
}

// region asks about each cluster of one place, from the first page of names on.
func (g *gatherer) region(ctx context.Context, p *place) {
	g.mu.Lock()
	g.out.Regions = append(g.out.Regions, p.region)
	g.mu.Unlock()
	var all errgroup.Group
	err := clusterNames(ctx, p.clients, func(names []string) {
		for _, name := range names {
			if !g.Filter.Name(name) {
				g.mu.Lock()
				g.leftOut++
				g.mu.Unlock()
				continue
			}
			g.tell(func(p *Progress) { p.Clusters++ })
			all.Go(func() error {
				g.cluster(ctx, p, name)
				g.tell(func(p *Progress) { p.ClustersDone++ })
				return nil
			})
		}
	})
	_ = all.Wait()
	if err != nil && ctx.Err() == nil {
		g.unreachable(p.account, p.region, err)
	}
}

func (g *gatherer) cluster(ctx context.Context, p *place, name string) {
	t := binding.Target{
		ARN:  fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", g.partition, p.region, p.account, name),
		Name: name, Region: p.region, Account: p.account, Partition: g.partition,
	}
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: eks.New(p.clients.EKS()), WithoutUpdates: true,
		Key: func(ctx context.Context, keyARN string) inspect.KeyFacts { return g.key(ctx, p, keyARN) },
	}, t)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case result.Err != nil && awsclient.KindOf(result.Err) == awsclient.KindNotFound:
		g.out.Notes = append(g.out.Notes, fmt.Sprintf("cluster %s was deleted while the audit ran", t.ARN))
	case result.Err == nil && !g.Filter.Tags(result.Tags):
		g.leftOut++
	default: // without an answer it may be one that counts
		g.out.Items = append(g.out.Items, result.Report)
	}
}

// key asks about a key as its own account does, where that is in the scope; else as
// the cluster's, which may not be allowed to look.
func (g *gatherer) key(ctx context.Context, p *place, keyARN string) inspect.KeyFacts {
	asker := g.accounts[p.account]
	region := p.region
	if a, err := arn.Parse(keyARN); err == nil {
		region = a.Region
		if owner := g.accounts[a.AccountID]; owner != nil {
			asker = owner
		}
	}
	at := g.place(asker, region)
	return g.keys.Facts(ctx, asker.id, keyARN, at.keyFacts)
}

func (g *gatherer) unreachable(account, region string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	g.mu.Lock()
	g.out.Unreachable = append(g.out.Unreachable, v1alpha1.Unreachable{Account: account, Region: region, Reason: err.Error()})
	g.mu.Unlock()
	g.tell(func(p *Progress) { p.Unreachable++ })
}

func (g *gatherer) tell(change func(*Progress)) {
	g.mu.Lock()
	change(&g.progress)
	now := g.progress
	g.mu.Unlock()
	if g.Progress != nil {
		g.Progress(now)
	}
}

func (g *gatherer) result(accounts []string) *Gathered {
	out := &g.out
	out.Accounts = accounts
	slices.Sort(out.Regions)
	out.Regions = slices.Compact(out.Regions)
	// sort rather than slices, here and below: each large type would weigh 20 KB more.
	sort.Slice(out.Items, func(i, j int) bool {
		a, b := &out.Items[i].Cluster, &out.Items[j].Cluster
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name)) < 0
	})
	sort.Slice(out.Unreachable, func(i, j int) bool {
		a, b := &out.Unreachable[i], &out.Unreachable[j]
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region)) < 0
	})
	if g.leftOut > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d clusters were left out by --cluster-name or --tag", g.leftOut))
	}
	slices.Sort(out.Notes)
	return out
}
