package fleet

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
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
		k.ValidTo = key.ValidTo
		k.DaysLeft = daysLeft(key, now)
	}
	switch {
	case key.Usable == v1alpha1.UsableNo && k.Usable != v1alpha1.UsableNo,
		key.Usable == v1alpha1.UsableYes && k.Usable == v1alpha1.UsableUnknown,
		k.Reason == "" && key.Usable == k.Usable:
		k.Usable, k.Reason = key.Usable, key.Reason
	}
}

// keyEnd returns when the key is deleted or its imported material expires, whichever is earlier, or nil.
func keyEnd(k *v1alpha1.Key) *metav1.Time {
	switch {
	case k == nil:
		return nil
	case k.DeletionDate == nil || k.ValidTo != nil && k.ValidTo.Before(k.DeletionDate):
		return k.ValidTo
	}
	return k.DeletionDate
}

// keyEndText returns what happens at keyEnd.
func keyEndText(k *v1alpha1.Key) string {
	if end := keyEnd(k); end == k.DeletionDate {
		return "KMS deletes the key"
	}
	return "the imported key material expires"
}

// expiryNotes returns a note for each key whose imported material expires soon.
func expiryNotes(keys []v1alpha1.AuditKey) []string {
	var notes []string
	for i := range keys {
		k := &keys[i]
		if k.ValidTo != nil && k.DeletionDate == nil && urgency(k.DaysLeft) > 0 {
			notes = append(notes, fmt.Sprintf("the imported material of key %s expires at %s, in %s; clusters that use it: %d",
				k.ARN, clock.Minute(k.ValidTo.Time), dayCount(*k.DaysLeft), len(k.Clusters)))
		}
	}
	return notes
}

// priority is 0 for the most urgent keys: those that are pending deletion, or whose material expires soon.
func priority(k *v1alpha1.AuditKey) int {
	switch {
	case k.DeletionDate != nil || k.State == "PendingDeletion" || k.State == "PendingReplicaDeletion",
		urgency(k.DaysLeft) > 0:
		return 0
	case k.Usable == v1alpha1.UsableNo:
		return 1
	case k.Usable != v1alpha1.UsableYes:
		return 2
	}
	return 3
}

// deletion is the deletion or expiry date in Unix seconds. Keys without a date sort last: the
// waiting period of PendingReplicaDeletion, for example, has not started yet.
func deletion(k *v1alpha1.AuditKey) int64 {
	end := keyEnd(&v1alpha1.Key{DeletionDate: k.DeletionDate, ValidTo: k.ValidTo})
	if end == nil || priority(k) > 0 {
		return math.MaxInt64
	}
	return end.Unix()
}
