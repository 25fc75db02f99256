package fleet

import (
	"cmp"
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// ParseReport parses an audit report in JSON or YAML.
func ParseReport(data []byte) (*v1alpha1.AuditReport, error) {
	var r v1alpha1.AuditReport
	if err := yaml.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if want := v1alpha1.TypeMeta(v1alpha1.KindAuditReport); r.Kind != want.Kind || r.APIVersion != want.APIVersion {
		return nil, fmt.Errorf("unexpected kind: apiVersion %q, kind %q, want %s, %s",
			r.APIVersion, r.Kind, want.APIVersion, want.Kind)
	}
	return &r, nil
}

// Compare returns the differences between an earlier report and the current one. A
// cluster that could not be queried now is not gone, and one that could not be queried
// earlier is not new.
func Compare(was, is *v1alpha1.AuditReport) *v1alpha1.AuditChanges {
	c := &v1alpha1.AuditChanges{Since: was.FinishedAt}
	before, now := byIdentity(was.Items), byIdentity(is.Items)
	for id, old := range before {
		current := now[id]
		switch {
		case current == nil && unreachable(is, old):
			c.LostSight = append(c.LostSight, id)
		case current == nil:
			c.Gone = append(c.Gone, id)
		case unknown(current) && !unknown(old):
			c.LostSight = append(c.LostSight, id)
		default:
			diffFields(c, id, old, current)
		}
	}
	for id := range now {
		if before[id] == nil && !unreachable(was, now[id]) {
			c.New = append(c.New, id)
		}
	}
	regressions(c, was, is, before)
	fixed(c, was, now)
	for _, list := range [][]string{c.New, c.Gone, c.LostSight} {
		slices.Sort(list)
	}
	for _, list := range [][]v1alpha1.Change{c.Regressions, c.Fixed, c.Other} {
		slices.SortFunc(list, func(a, b v1alpha1.Change) int {
			return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.What, b.What))
		})
	}
	c.Notes = append(c.Notes, scopeNotes(was.Scope, is.Scope)...)
	return c
}

// CheckRegressions returns the outcome if only regressions count as findings.
func CheckRegressions(r *v1alpha1.AuditReport) v1alpha1.AuditOutcome {
	switch {
	case len(r.Changes.Regressions) > 0:
		return v1alpha1.OutcomeFinding
	case len(r.Undecided) > 0 || len(r.Unreachable) > 0 || len(r.Changes.LostSight) > 0 || !anyEKS(r.Items):
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

func unknown(r *v1alpha1.EncryptionReport) bool {
	return r.Encryption.Verdict == v1alpha1.VerdictUnknown
}

// unreachable reports whether the report lists the context, region or account of the
// cluster as unreachable.
func unreachable(r *v1alpha1.AuditReport, cluster *v1alpha1.EncryptionReport) bool {
	c := cluster.Cluster
	return slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		if u.Context != "" {
			return u.Context == c.Context
		}
		return u.Account == c.Account && (u.Region == "" || u.Region == c.Region)
	})
}

// diffFields adds the fields that differ, whether or not they affect a control. A lost
// customer key is always a regression: only a recreated cluster can lose its key.
func diffFields(c *v1alpha1.AuditChanges, id string, was, is *v1alpha1.EncryptionReport) {
	if unknown(was) {
		return
	}
	if was.Encryption.KeyARN != "" && is.Encryption.KeyARN == "" {
		c.Regressions = append(c.Regressions, v1alpha1.Change{
			Cluster: id, What: "encryption.keyArn", Was: was.Encryption.KeyARN, Is: "no customer key",
			Reason: "an association cannot be undone, so the cluster was recreated without the key"})
	} else if was.Encryption.KeyARN != is.Encryption.KeyARN {
		addChange(c, id, "encryption.keyArn", was.Encryption.KeyARN, is.Encryption.KeyARN)
	}
	addChange(c, id, "encryption.verdict", string(was.Encryption.Verdict), string(is.Encryption.Verdict))
	addChange(c, id, "cluster.kubernetesVersion", was.Cluster.KubernetesVersion, is.Cluster.KubernetesVersion)
	if was.Key != nil && is.Key != nil {
		addChange(c, id, "key.state", was.Key.State, is.Key.State)
	}
}

// addChange adds a change of a field if its values differ.
func addChange(c *v1alpha1.AuditChanges, id, what, was, is string) {
	if was != is {
		c.Other = append(c.Other, v1alpha1.Change{Cluster: id, What: what, Was: was, Is: is})
	}
}

type findingKey struct{ cluster, control string }

func findingIndex(findings []v1alpha1.Finding) map[findingKey]bool {
	m := map[findingKey]bool{}
	for _, f := range findings {
		m[findingKey{f.Cluster, f.Control}] = true
	}
	return m
}

// regressions adds the findings that the earlier report does not have. If the control
// already failed there but was not enforced, only the rules changed: it adds a note.
func regressions(
	c *v1alpha1.AuditChanges, was, is *v1alpha1.AuditReport, before map[string]*v1alpha1.EncryptionReport,
) {
	earlier := findingIndex(was.Findings)
	for _, f := range is.Findings {
		if earlier[findingKey{f.Cluster, f.Control}] {
			continue
		}
		old := before[f.Cluster]
		result := resultOf(old, f.Control)
		switch {
		case old == nil && slices.Contains(c.New, f.Cluster):
			result = "new cluster"
		case old == nil:
			result = "not in the report"
		case waived(was, f.Cluster, f.Control):
			result = "Waived"
		case result == string(v1alpha1.ResultFail):
			c.Notes = append(c.Notes, fmt.Sprintf("%s already failed for %s, but was not enforced in the earlier audit",
				f.Control, f.Cluster))
			continue
		}
		c.Regressions = append(c.Regressions, v1alpha1.Change{
			Cluster: f.Cluster, What: f.Control, Was: result, Is: string(v1alpha1.ResultFail), Reason: f.Reason})
	}
}

// fixed adds the earlier findings whose control passes or no longer applies.
func fixed(c *v1alpha1.AuditChanges, was *v1alpha1.AuditReport, now map[string]*v1alpha1.EncryptionReport) {
	for _, f := range was.Findings {
		r := now[f.Cluster]
		result := resultOf(r, f.Control)
		if r == nil || result != string(v1alpha1.ResultPass) && result != string(v1alpha1.ResultNotApplicable) {
			continue
		}
		c.Fixed = append(c.Fixed, v1alpha1.Change{
			Cluster: f.Cluster, What: f.Control, Was: string(v1alpha1.ResultFail), Is: result, Reason: f.Reason})
	}
}

func waived(r *v1alpha1.AuditReport, cluster, control string) bool {
	return slices.ContainsFunc(r.Waived, func(w v1alpha1.Waived) bool {
		return w.Cluster == cluster && w.Control == control
	})
}

// resultOf returns the result of a control, or "" without a report.
func resultOf(r *v1alpha1.EncryptionReport, control string) string {
	if r == nil {
		return ""
	}
	for _, c := range r.Controls {
		if c.ID == control {
			return string(c.Result)
		}
	}
	return "not evaluated"
}

// scopeNotes returns a note for each part of the scope that differs between the audits.
func scopeNotes(was, is v1alpha1.AuditScope) []string {
	var notes []string
	for _, f := range []struct {
		name    string
		was, is []string
	}{
		{"contexts", was.Contexts, is.Contexts},
		{"regions", was.Regions, is.Regions},
		{"accounts", was.Accounts, is.Accounts},
		{"filters", was.Filters, is.Filters},
		{"controls", was.Controls, is.Controls},
	} {
		if !slices.Equal(slices.Sorted(slices.Values(f.was)), slices.Sorted(slices.Values(f.is))) {
			notes = append(notes, fmt.Sprintf(
				"the earlier audit used different %s, so some clusters may only appear to be new or gone", f.name))
		}
	}
	return notes
}
