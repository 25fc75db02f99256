package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// compareCluster adds the facts of one cluster that differ. A fact that is worse than before is a regression,
// whatever the controls of the audit are.
func (c *comparison) compareCluster(id string, was, is *v1alpha1.EncryptionReport) {
	if !judged(was) {
		return
	}
	c.compareKeyARN(id, was.Encryption.KeyARN, is.Encryption.KeyARN) // also while EKS creates the cluster that replaces it
	if encryption.Transition(was) != "" || encryption.Transition(is) != "" {
		c.other(id, "cluster.status", was.Cluster.Status, is.Cluster.Status)
		return
	}
	verdicts := []v1alpha1.Verdict{
		v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey, v1alpha1.VerdictNotEncrypted,
	}
	scopes := []v1alpha1.Scope{v1alpha1.ScopeAllAPIData, v1alpha1.ScopeSecrets, v1alpha1.ScopeNone}
	c.ranked(id, "encryption.verdict", string(was.Encryption.Verdict), string(is.Encryption.Verdict),
		worse(verdicts, was.Encryption.Verdict, is.Encryption.Verdict), is.Encryption.Reason)
	c.ranked(id, "encryption.scope", string(was.Encryption.Scope), string(is.Encryption.Scope),
		worse(scopes, was.Encryption.Scope, is.Encryption.Scope), is.Encryption.Reason)
	c.other(id, "cluster.kubernetesVersion", was.Cluster.KubernetesVersion, is.Cluster.KubernetesVersion)
	c.compareKeyState(id, was, is)
	if was.Key != nil && is.Key != nil {
		c.other(id, "key.rotation", encryption.RotationText(was.Key.Rotation), encryption.RotationText(is.Key.Rotation))
	}
}

// worse reports whether a value comes later in the list than before. A value that is not in the list is not worse.
func worse[T comparable](best []T, was, is T) bool {
	return slices.Contains(best, was) && slices.Index(best, is) > slices.Index(best, was)
}

// compareKeyARN compares the key of the cluster. An association cannot be undone or changed, so a lost or exchanged key
// means that the cluster is another one of the same name.
func (c *comparison) compareKeyARN(id, was, is string) {
	if was != "" && is == "" {
		is = "no customer key"
	}
	alias := strings.Contains(was, ":alias/") || strings.Contains(is, ":alias/") // the key behind it is unknown
	c.ranked(id, "encryption.keyArn", was, is, was != "" && !alias,
		"an association cannot be undone or changed, so the cluster was recreated, or another one has its name")
}

// compareKeyState compares the state of the keys, and the days that they have left if the state is not worse.
func (c *comparison) compareKeyState(id string, was, is *v1alpha1.EncryptionReport) {
	if was.Encryption.KeyARN != "" && is.Encryption.KeyARN == "" {
		return // the lost key is reported
	}
	before, beforeWord, beforeKnown := encryption.RankKey(was)
	now, nowWord, nowKnown := encryption.RankKey(is)
	reason := ""
	if is.Key != nil {
		reason = is.Key.Reason
	}
	gotWorse := beforeKnown && nowKnown && now > before
	if was.Key != nil || gotWorse {
		c.ranked(id, keyState, orUnknown(beforeKnown, beforeWord), orUnknown(nowKnown, nowWord), gotWorse, reason)
	}
	wasAt, at := judgedAt(c.was), judgedAt(c.is)
	if gotWorse || endUrgency(is.Key, at) <= endUrgency(was.Key, wasAt) {
		return
	}
	c.Regressions = append(c.Regressions, v1alpha1.Change{
		Cluster: id, What: "key.daysLeft", Was: daysText(was.Key, wasAt), Is: daysText(is.Key, at),
		Reason: fmt.Sprintf("%s at %s", keyEndText(is.Key), clock.Minute(keyEnd(is.Key).Time)),
	})
}

// keyState is the change of the state of a key, and unknown the value of a state that could not be read.
const (
	keyState = "key.state"
	unknown  = "unknown"
)

// UnreadKeys returns the clusters whose key has a state in the earlier report, and could not be read since. A key in a
// place that is waived does not count.
func UnreadKeys(r *v1alpha1.AuditReport) (clusters []string) {
	for _, change := range r.Changes.Other {
		if change.What == keyState && change.Is == unknown && outOfSight(r, change.Cluster) {
			clusters = append(clusters, change.Cluster)
		}
	}
	return clusters
}

// judgedAt returns the time as of which the report states the days that keys have left, or the zero time.
func judgedAt(r *v1alpha1.AuditReport) time.Time {
	if r.JudgedAt != nil {
		return r.JudgedAt.Time
	}
	return finished(r)
}

func orUnknown(known bool, word string) string {
	if known {
		return word
	}
	return unknown
}

// daysLeft returns the whole days until the key is deleted or its material expires, or nil if neither is planned.
func daysLeft(k *v1alpha1.Key, now time.Time) *int {
	end := keyEnd(k)
	if end == nil {
		return nil
	}
	days := max(int(end.Sub(now)/(24*time.Hour)), 0)
	return &days
}

// Days left of a key at which it becomes more urgent.
const (
	soonDays = 30
	nowDays  = 7
)

// urgency is higher for a key with fewer days left.
func urgency(days *int) int {
	switch {
	case days == nil || *days > soonDays:
		return 0
	case *days > nowDays:
		return 1
	}
	return 2
}

// endUrgency is the urgency of a key at a time. It is highest once the key has ended, and 0 if the time is unknown.
func endUrgency(k *v1alpha1.Key, now time.Time) int {
	switch {
	case now.IsZero():
		return 0
	case keyEnd(k) != nil && !now.Before(keyEnd(k).Time):
		return urgency(new(int)) + 1
	}
	return urgency(daysLeft(k, now))
}

func daysText(k *v1alpha1.Key, now time.Time) string {
	switch days := daysLeft(k, now); {
	case days == nil:
		return "unlimited"
	case now.IsZero():
		return unknown
	default:
		return fmt.Sprint(*days)
	}
}

// ranked adds a change if the values differ: a regression if it is worse.
func (c *comparison) ranked(id, what, was, is string, worse bool, reason string) {
	if !worse {
		c.other(id, what, was, is)
		return
	}
	if was != is {
		c.Regressions = append(c.Regressions, v1alpha1.Change{Cluster: id, What: what, Was: was, Is: is, Reason: reason})
	}
}

// other adds a change that is not worse, if the values differ.
func (c *comparison) other(id, what, was, is string) {
	if was != is {
		c.Other = append(c.Other, v1alpha1.Change{Cluster: id, What: what, Was: was, Is: is})
	}
}
