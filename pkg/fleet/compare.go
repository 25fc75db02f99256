package fleet

import (
	"cmp"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// comparison compares an earlier report with the current one.
type comparison struct {
	*v1alpha1.AuditChanges
	was, is     *v1alpha1.AuditReport
	before, now map[string]*v1alpha1.EncryptionReport // by identity
}

// Compare returns the differences between an earlier report and the current one. A
// cluster is gone only if its place answered without it. One that could not be queried
// earlier is not new, but its findings count as regressions: the earlier report does not
// show that they are old.
func Compare(was, is *v1alpha1.AuditReport) *v1alpha1.AuditChanges {
	c := &comparison{&v1alpha1.AuditChanges{Since: was.FinishedAt}, was, is, byIdentity(was.Items), byIdentity(is.Items)}
	for id, old := range c.before {
		current := c.now[id]
		switch {
		case encryption.NotEKS(old):
		case current == nil && answered(is, old) && !slices.Contains(is.Scope.FilteredOut, id):
			c.Gone = append(c.Gone, id)
		case current == nil, judged(old) && !judged(current):
			c.LostSight = append(c.LostSight, id)
		default:
			c.compareCluster(id, old, current)
		}
	}
	for id, current := range c.now {
		seen := answered(was, current) || !unreachable(was, current) // EKS listed the clusters of its place
		if c.before[id] == nil && !encryption.NotEKS(current) && seen {
			c.New = append(c.New, id)
		}
	}
	c.findRegressions()
	c.findFixed()
	c.findWaived()
	c.LostPlaces = lostPlaces(was, is)
	for _, list := range [][]string{c.New, c.Gone, c.LostSight} {
		slices.Sort(list)
	}
	for _, list := range [][]v1alpha1.Change{c.Regressions, c.Fixed, c.Other} {
		slices.SortFunc(list, func(a, b v1alpha1.Change) int {
			return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.What, b.What))
		})
	}
	c.Notes = append(append(c.Notes, scopeNotes(was.Scope, is.Scope)...), ruleNotes(was.Rules, is.Rules)...)
	return c.AuditChanges
}

// CheckRegressions returns the outcome if only regressions count as findings. In a shard without an account, no cluster
// is expected.
func CheckRegressions(r *v1alpha1.AuditReport) v1alpha1.AuditOutcome {
	switch {
	case len(r.Changes.Regressions) > 0:
		return v1alpha1.OutcomeFinding
	case somethingUnknown(r), !emptyShard(r) && incomplete(r), len(r.Changes.LostPlaces) > 0, len(UnreadKeys(r)) > 0,
		slices.ContainsFunc(r.Changes.LostSight, func(id string) bool { return outOfSight(r, id) }):
		return v1alpha1.OutcomeCannotTell
	}
	return v1alpha1.OutcomeHolds
}

func byIdentity(items []v1alpha1.EncryptionReport) map[string]*v1alpha1.EncryptionReport {
	m := map[string]*v1alpha1.EncryptionReport{}
	for i := range items {
		m[identity(&items[i])] = &items[i]
	}
	return m
}

// judged reports whether the report has a verdict on a cluster that EKS runs.
func judged(r *v1alpha1.EncryptionReport) bool {
	return r.Encryption.Verdict != v1alpha1.VerdictUnknown && r.Encryption.Verdict != v1alpha1.VerdictNotApplicable
}
