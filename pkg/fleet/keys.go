package fleet

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// GroupByKey returns the customer keys of the clusters, each with the clusters that use
// it, in the order that v1alpha1.AuditReport documents.
func GroupByKey(items []v1alpha1.EncryptionReport, now time.Time) []v1alpha1.AuditKey {
	index := map[string]int{}
	var keys []v1alpha1.AuditKey
	for i := range items {
		r := &items[i]
		keyARN := r.Encryption.KeyARN
		if keyARN == "" {
			continue
		}
		n, seen := index[keyARN]
		if !seen {
			n = len(keys)
			index[keyARN] = n
			a, _ := arn.Parse(keyARN) // without a valid ARN, region and account stay empty
			keys = append(keys, v1alpha1.AuditKey{
				ARN: keyARN, Region: a.Region, Account: a.AccountID, Usable: v1alpha1.UsableUnknown,
			})
		}
		k := &keys[n]
		k.Clusters = append(k.Clusters, identity(r))
		if r.Key != nil {
			merge(k, r.Key, now)
		}
	}
	for i := range keys {
		slices.Sort(keys[i].Clusters)
	}
	slices.SortFunc(keys, func(a, b v1alpha1.AuditKey) int {
		return cmp.Or(cmp.Compare(priority(&a), priority(&b)), cmp.Compare(deletion(&a), deletion(&b)),
			cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.ARN, b.ARN))
	})
	return keys
}

// merge adds the facts about the key from the report of one cluster. The reports can
// differ, because EKS may report an issue for one cluster only; UsableNo then wins.
func merge(k *v1alpha1.AuditKey, key *v1alpha1.Key, now time.Time) {
	if k.State == "" {
		k.State, k.DeletionDate, k.Rotation, k.Aliases = key.State, key.DeletionDate, key.Rotation, key.Aliases
	}
	if k.DeletionDate != nil && k.DaysLeft == nil {
		days := max(int(k.DeletionDate.Sub(now)/(24*time.Hour)), 0)
		k.DaysLeft = &days
	}
	switch {
	case key.Usable == v1alpha1.UsableNo && k.Usable != v1alpha1.UsableNo,
		key.Usable == v1alpha1.UsableYes && k.Usable == v1alpha1.UsableUnknown,
		k.Reason == "" && key.Usable == k.Usable:
		k.Usable, k.Reason = key.Usable, key.Reason
	}
}

// priority is 0 for the most urgent keys: those that are pending deletion.
func priority(k *v1alpha1.AuditKey) int {
	switch {
	case k.DeletionDate != nil || k.State == "PendingDeletion" || k.State == "PendingReplicaDeletion":
		return 0
	case k.Usable == v1alpha1.UsableNo:
		return 1
	case k.Usable != v1alpha1.UsableYes:
		return 2
	}
	return 3
}

// deletion is the deletion date in Unix seconds. Keys without a date sort last: the
// waiting period of PendingReplicaDeletion, for example, has not started yet.
func deletion(k *v1alpha1.AuditKey) int64 {
	if k.DeletionDate == nil {
		return math.MaxInt64
	}
	return k.DeletionDate.Unix()
}

// sortFindings sorts findings in the order that v1alpha1.AuditReport documents.
func sortFindings(findings []v1alpha1.Finding) {
	severities := []v1alpha1.Severity{
		v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow,
	}
	slices.SortStableFunc(findings, func(a, b v1alpha1.Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster))
	})
}

// KeyCache queries each key only once, even if many clusters use it. The zero value is
// an empty cache. It is safe for concurrent use.
type KeyCache struct {
	mu      sync.Mutex
	entries map[cacheKey]func() inspect.KeyFacts
}

// cacheKey contains the caller, because KMS may answer each caller differently.
type cacheKey struct{ keyARN, caller string }

// Facts returns the cached facts of the key for this caller, or calls query for them.
func (c *KeyCache) Facts(
	ctx context.Context, caller, keyARN string, query func(context.Context, string) inspect.KeyFacts,
) inspect.KeyFacts {
	c.mu.Lock()
	if c.entries == nil {
		c.entries = map[cacheKey]func() inspect.KeyFacts{}
	}
	facts := c.entries[cacheKey{keyARN, caller}]
	if facts == nil {
		facts = sync.OnceValue(func() inspect.KeyFacts { return query(ctx, keyARN) })
		c.entries[cacheKey{keyARN, caller}] = facts
	}
	c.mu.Unlock()
	return facts()
}
