package kms

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// ListOptions say how to list keys. The zero value of all but Where has a meaning.
type ListOptions struct {
	Where Place
	// UsedBy tells, by key ARN, the clusters that use it; nil if it wasn't asked.
	// UsedByErr is why it couldn't be told: a note then, for a list with gaps would
	// read as "nobody uses this key".
	UsedBy    map[string][]string
	UsedByErr error
	// PerSecond bounds DescribeKey, and as much again GetKeyRotationStatus; 0 means
	// DefaultPerSecond.
	PerSecond float64
	// Progress is called as keys become known, from one goroutine at a time.
	Progress func(done, total int)
}

// DefaultPerSecond leaves most of the account's quota (DescribeKey 2,000 a second,
// GetKeyRotationStatus 1,000) to those who depend on it.
const DefaultPerSecond = 200

const listConcurrency = 16

// List reports every key of the region that the caller can see, the eligible ones
// first. A permission that is missing narrows the list and is named in its notes;
// an error means that nothing could be listed at all.
func List(ctx context.Context, api Lister, o ListOptions) (*v1alpha1.KeyList, error) {
	l := &v1alpha1.KeyList{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList), Region: o.Where.Region, Account: o.Where.Account, Items: []v1alpha1.KeyListItem{}}
	found, err := discover(ctx, api, o.Where, l)
	if err != nil {
		return nil, err
	}
	c := &collector{api: api, options: o, denied: map[string]int{}}
	if err := c.describeAll(ctx, found); err != nil {
		return nil, err
	}
	for _, k := range c.found {
		item := k.Item(o.Where)
		item.UsedBy = o.UsedBy[k.ARN]
		l.Items = append(l.Items, item)
	}
	l.Notes = append(l.Notes, c.notes()...)
	if o.UsedByErr != nil {
		l.Notes = append(l.Notes, "which clusters use the keys is unknown: "+o.UsedByErr.Error())
	}
	slices.SortStableFunc(l.Items, byEligibility)
	return l, nil
}

// discover finds ARNs and aliases. Either list may be forbidden: aliases alone
// still lead to keys, and keys alone to everything but their names.
func discover(ctx context.Context, api Lister, where Place, l *v1alpha1.KeyList) ([]Candidate, error) {
	arns, keysErr := keyARNs(ctx, api)
	if keysErr != nil && !denied(keysErr) {
		return nil, explain(keysErr, "ListKeys", "*")
	}
	byID, aliasErr := Aliases(ctx, api)
	switch {
	case aliasErr != nil && !denied(aliasErr):
		return nil, explain(aliasErr, "ListAliases", "*")
	case keysErr != nil && aliasErr != nil:
		return nil, explain(keysErr, "ListKeys", "*")
	case keysErr != nil:
		l.Notes = append(l.Notes, "only keys with an alias are listed: "+explain(keysErr, "ListKeys", "*").Error())
		for id := range byID {
			arns = append(arns, fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", where.Partition, where.Region, where.Account, id))
		}
	case aliasErr != nil:
		l.Notes = append(l.Notes, "aliases are unknown: "+explain(aliasErr, "ListAliases", "*").Error())
	}
	found := make([]Candidate, len(arns))
	for i, arn := range arns {
		found[i].ARN = arn
		found[i].Aliases = byID[arn[strings.LastIndexByte(arn, '/')+1:]]
	}
	return found, nil
}

type collector struct {
	api     Lister
	options ListOptions

	mu     sync.Mutex
	found  []Candidate
	done   int
	denied map[string]int // calls not permitted, by operation
}

func (c *collector) describeAll(ctx context.Context, found []Candidate) error {
	c.found = found
	perSecond := c.options.PerSecond
	if perSecond <= 0 {
		perSecond = DefaultPerSecond
	}
	describing := rate.NewLimiter(rate.Limit(perSecond), listConcurrency)
	rotating := rate.NewLimiter(rate.Limit(perSecond), listConcurrency)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(listConcurrency)
	for i := range found {
		g.Go(func() error {
			if err := describing.Wait(ctx); err != nil {
				return err
			}
			if err := c.describe(ctx, &found[i]); err != nil {
				return err
			}
			if rotates(found[i]) {
				if err := rotating.Wait(ctx); err != nil {
					return err
				}
				if err := c.rotation(ctx, &found[i]); err != nil {
					return err
				}
			}
			c.progress()
			return nil
		})
	}
	return g.Wait()
}

// describe fills in one key. What KMS refuses to tell of one key must not hide the
// others; what ends the whole listing is a cancelled context.
func (c *collector) describe(ctx context.Context, k *Candidate) error {
	full, err := describe(ctx, c.api, k.ARN)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		if denied(err) {
			c.count("kms:DescribeKey")
		}
		k.Undescribed = explain(err, "DescribeKey", k.ARN).Error()
		return nil
	}
	full.Aliases = k.Aliases
	*k = full
	return nil
}

// rotates says whether KMS could rotate the key by itself, so that asking makes sense.
func rotates(k Candidate) bool {
	return k.Undescribed == "" && k.Manager == "CUSTOMER" && k.Spec == "SYMMETRIC_DEFAULT" && k.Origin == "AWS_KMS" &&
		(k.State == "Enabled" || k.State == "Disabled")
}

func (c *collector) rotation(ctx context.Context, k *Candidate) error {
	r, err := rotation(ctx, c.api, k.ARN)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.count("kms:GetKeyRotationStatus")
		return nil //nolint:nilerr // counted, and said once for all keys
	}
	k.Rotation = r
	return nil
}

func (c *collector) count(action string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied[action]++
}

func (c *collector) progress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.options.Progress != nil {
		c.options.Progress(c.done, len(c.found))
	}
}

func (c *collector) notes() []string {
	var notes []string
	for _, action := range []string{"kms:DescribeKey", "kms:GetKeyRotationStatus"} {
		if n := c.denied[action]; n > 0 {
			notes = append(notes, fmt.Sprintf("%s was refused for %d of %d keys", action, n, len(c.found)))
		}
	}
	return notes
}

// byEligibility puts eligible keys first, then those with an alias, by name.
func byEligibility(a, b v1alpha1.KeyListItem) int {
	rank := func(k v1alpha1.KeyListItem) int {
		switch {
		case k.Eligible:
			return 0
		case k.Manager != "AWS":
			return 1
		}
		return 2
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	name := func(k v1alpha1.KeyListItem) string {
		if len(k.Aliases) > 0 {
			return k.Aliases[0]
		}
		return "~" + k.ARN
	}
	return strings.Compare(name(a), name(b))
}
