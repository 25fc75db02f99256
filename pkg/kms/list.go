package kms

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// ListOptions configures List. Only Where is required.
type ListOptions struct {
	Where Place
	// UsedBy maps key ARNs to the clusters that use the key; nil if unknown. UsedByErr is why it is unknown, for a
	// note: an incomplete map would make used keys look unused.
	UsedBy    map[string][]string
	UsedByErr error
	// Tags reads the tags of customer keys too, which takes one more call for each.
	Tags TagReader
	// PerSecond limits the calls of DescribeKey, and separately those of GetKeyRotationStatus; 0 means
	// DefaultPerSecond.
	PerSecond float64
	// Progress is called after each key, never concurrently; may be nil.
	Progress func(done, total int)
}

// DefaultPerSecond leaves most of the account's quotas to other clients (DescribeKey 2,000 per second,
// GetKeyRotationStatus 1,000).
const DefaultPerSecond = 200

const listConcurrency = 16

// List returns every key of the region that the caller can see, eligible keys first. A missing permission shortens the
// list and is named in its notes. List fails only if neither keys nor aliases can be listed.
func List(ctx context.Context, api Lister, o ListOptions) (*v1alpha1.KeyList, error) {
	l := &v1alpha1.KeyList{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList), Region: o.Where.Region, Account: o.Where.Account,
		Items: []v1alpha1.KeyListItem{},
	}
	found, err := discover(ctx, api, o.Where, l)
	if err != nil {
		return nil, err
	}
	c := &collector{api: api, options: o, keys: found, failed: map[string]int{}}
	if err := c.describeAll(ctx); err != nil {
		return nil, err
	}
	for _, k := range c.keys {
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

// discover lists keys and aliases. If only one of both lists is allowed, it uses that list and adds a note to l.
func discover(ctx context.Context, api Lister, cluster Place, l *v1alpha1.KeyList) ([]Candidate, error) {
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
			arns = append(arns, arn.ARN{
				Partition: cluster.Partition, Service: "kms", Region: cluster.Region, AccountID: cluster.Account,
				Resource: "key/" + id,
			}.String())
		}
	case aliasErr != nil:
		l.Notes = append(l.Notes, "aliases are unknown: "+explain(aliasErr, "ListAliases", "*").Error())
	}
	found := make([]Candidate, len(arns))
	for i, a := range arns {
		found[i].ARN = a
		found[i].Aliases = byID[a[strings.LastIndexByte(a, '/')+1:]]
	}
	return found, nil
}

// collector fills in the facts of keys.
type collector struct {
	api     Lister
	options ListOptions
	keys    []Candidate

	mu     sync.Mutex
	done   int
	failed map[string]int // keys by the action that failed for them
}

func (c *collector) describeAll(ctx context.Context) error {
	perSecond := rate.Limit(c.options.PerSecond)
	if perSecond <= 0 {
		perSecond = DefaultPerSecond
	}
	describeRate := rate.NewLimiter(perSecond, listConcurrency)
	rotationRate, tagRate := rate.NewLimiter(perSecond, listConcurrency), rate.NewLimiter(perSecond, listConcurrency)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(listConcurrency)
	for i := range c.keys {
		g.Go(func() error {
			k := &c.keys[i]
			if err := describeRate.Wait(ctx); err != nil {
				return err
			}
			if err := c.describe(ctx, k); err != nil {
				return err
			}
			if k.Manager == "CUSTOMER" && canRotate(k.Key) {
				if err := rotationRate.Wait(ctx); err != nil {
					return err
				}
				if err := c.rotation(ctx, k); err != nil {
					return err
				}
			}
			if k.Manager == "CUSTOMER" && c.options.Tags != nil {
				if err := tagRate.Wait(ctx); err != nil {
					return err
				}
				if err := c.tags(ctx, k); err != nil {
					return err
				}
			}
			c.progress()
			return nil
		})
	}
	return g.Wait()
}

// describe fills in one key. An error of one key is recorded, and only the end of ctx is returned.
func (c *collector) describe(ctx context.Context, k *Candidate) error {
	full, err := describe(ctx, c.api, k.ARN)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		if denied(err) {
			c.countFailed("kms:DescribeKey")
		}
		k.DescribeErr = explain(err, "DescribeKey", k.ARN)
		return nil
	}
	full.Aliases = k.Aliases
	*k = full
	return nil
}

// canRotate reports whether KMS can rotate the key. It cannot rotate imported material, keys in custom key stores, and
// keys that are to be deleted.
func canRotate(k v1alpha1.Key) bool {
	return k.Origin == "AWS_KMS" && k.Spec == "SYMMETRIC_DEFAULT" && (k.State == "Enabled" || k.State == "Disabled")
}

func (c *collector) rotation(ctx context.Context, k *Candidate) error {
	r, err := rotation(ctx, c.api, k.ARN)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.countFailed("kms:GetKeyRotationStatus")
		return nil //nolint:nilerr // counted, and reported in one note for all keys
	}
	k.Rotation = r
	return nil
}

func (c *collector) tags(ctx context.Context, k *Candidate) error {
	found, err := tags(ctx, c.options.Tags, k.ARN)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.countFailed("kms:ListResourceTags")
		return nil //nolint:nilerr // counted, and reported in one note for all keys
	}
	k.Tags = found
	return nil
}

func (c *collector) countFailed(action string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[action]++
}

func (c *collector) progress() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.options.Progress != nil {
		c.options.Progress(c.done, len(c.keys))
	}
}

func (c *collector) notes() []string {
	var notes []string
	for _, action := range []string{"kms:DescribeKey", "kms:GetKeyRotationStatus", "kms:ListResourceTags"} {
		if n := c.failed[action]; n > 0 {
			notes = append(notes, fmt.Sprintf("%s failed for %d of %d keys", action, n, len(c.keys)))
		}
	}
	return notes
}

// byEligibility orders eligible keys first and AWS-managed keys last, each by the first alias; keys without an alias
// follow by ARN.
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
	name := func(k v1alpha1.KeyListItem) string {
		if len(k.Aliases) > 0 {
			return k.Aliases[0]
		}
		return "~" + k.ARN
	}
	return cmp.Or(rank(a)-rank(b), strings.Compare(name(a), name(b)))
}

// Facts calls KMS for a key's state, aliases and rotation, concurrently. err is why the state is unknown, such as a
// missing permission; Gone reports whether it is because the key was deleted. notes lists what else is missing.
func Facts(ctx context.Context, api Reader, keyARN string) (key v1alpha1.Key, notes []string, err error) {
	keyARN = KeyARN(ctx, api, keyARN)
	var described Candidate
	var aliases []kmstypes.AliasListEntry
	var rotates *v1alpha1.Rotation
	var describeErr, aliasErr, rotationErr error
	var g sync.WaitGroup
	g.Go(func() { described, describeErr = describe(ctx, api, keyARN) })
	g.Go(func() { aliases, aliasErr = listAliases(ctx, api, keyARN) })
	g.Go(func() { rotates, rotationErr = rotation(ctx, api, keyARN) })
	g.Wait()
	key = described.Key
	key.ARN = keyARN
	if describeErr != nil {
		err = explain(describeErr, "DescribeKey", keyARN)
		notes = policyNotes(err)
	}
	switch {
	case aliasErr == nil:
		for _, a := range aliases {
			key.Aliases = append(key.Aliases, aws.ToString(a.AliasName))
		}
		slices.Sort(key.Aliases)
	case describeErr == nil:
		notes = append(notes, "aliases: "+explain(aliasErr, "ListAliases", "*").Error())
	}
	switch {
	case rotationErr == nil:
		key.Rotation = rotates
	case describeErr == nil && canRotate(key):
		notes = append(notes, "rotation: "+explain(rotationErr, "GetKeyRotationStatus", keyARN).Error())
	}
	return key, notes, err
}
