package fleet

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// keyView groups the clusters by the key they hang on. Keys that are about to be
// deleted come first, soonest first, then those that can't be used, then those with
// most clusters.
func keyView(items []v1alpha1.EncryptionReport, now time.Time) []v1alpha1.AuditKey {
	at := map[string]int{}
	var view []v1alpha1.AuditKey
	for i := range items {
		r := &items[i]
		if r.Encryption.KeyARN == "" {
			continue
		}
		n, seen := at[r.Encryption.KeyARN]
		if !seen {
			n = len(view)
			at[r.Encryption.KeyARN] = n
			view = append(view, v1alpha1.AuditKey{ARN: r.Encryption.KeyARN, Region: arnField(r.Encryption.KeyARN, 3), Account: arnField(r.Encryption.KeyARN, 4), Usable: v1alpha1.UsableUnknown})
		}
		k := &view[n]
		k.Clusters = append(k.Clusters, identity(r))
		if r.Key != nil {
			learn(k, r.Key, now)
		}
	}
	for i := range view {
		slices.Sort(view[i].Clusters)
	}
	sort.Slice(view, func(i, j int) bool {
		a, b := &view[i], &view[j]
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(daysLeft(a), daysLeft(b)),
			cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.ARN, b.ARN)) < 0
	})
	return view
}

// learn takes over what one cluster's report says of the key. The worst of several
// words on its use counts: EKS may know of a trouble of one cluster alone.
func learn(k *v1alpha1.AuditKey, key *v1alpha1.Key, now time.Time) {
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

func urgency(k *v1alpha1.AuditKey) int {
	switch {
	case k.DeletionDate != nil || strings.HasPrefix(k.State, "PendingDeletion"):
		return 0
	case k.Usable == v1alpha1.UsableNo:
		return 1
	case k.Usable != v1alpha1.UsableYes:
		return 2
	}
	return 3
}

func daysLeft(k *v1alpha1.AuditKey) int {
	if k.DaysLeft == nil {
		return 0
	}
	return *k.DaysLeft
}

func arnField(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return parts[n]
}

// sortFindings puts the gravest first.
func sortFindings(findings []v1alpha1.Finding) {
	rank := map[v1alpha1.Severity]int{v1alpha1.SeverityCritical: 0, v1alpha1.SeverityHigh: 1, v1alpha1.SeverityMedium: 2, v1alpha1.SeverityLow: 3}
	sort.SliceStable(findings, func(i, j int) bool {
		a, b := &findings[i], &findings[j]
		return cmp.Or(cmp.Compare(rank[a.Severity], rank[b.Severity]), cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster)) < 0
	})
}
