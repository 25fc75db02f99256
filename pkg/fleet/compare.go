package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// ParseReport reads an earlier report, JSON or YAML.
func ParseReport(data []byte) (*v1alpha1.AuditReport, error) {
	var r v1alpha1.AuditReport
	if err := yaml.Unmarshal(data, &r); err != nil {
		return nil, err
	}
	if want := v1alpha1.TypeMeta(v1alpha1.KindAuditReport); r.Kind != want.Kind || r.APIVersion != want.APIVersion {
		return nil, fmt.Errorf("it is %s %s, not %s %s", orNothing(r.APIVersion), orNothing(r.Kind), want.APIVersion, want.Kind)
	}
	return &r, nil
}

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

// Compare says what is not as it was in an earlier report. A cluster that could not
// be asked this time is not gone, and one that could not be asked then is not new
// trouble.
func Compare(was, is *v1alpha1.AuditReport) *v1alpha1.AuditChanges {
	c := &v1alpha1.AuditChanges{Since: was.FinishedAt}
	before, now := byIdentity(was.Items), byIdentity(is.Items)
	for id, old := range before {
		current := now[id]
		switch {
		case current == nil && hidden(is, old):
			c.LostSight = append(c.LostSight, id)
		case current == nil:
			c.Gone = append(c.Gone, id)
		case unknown(current) && !unknown(old):
			c.LostSight = append(c.LostSight, id)
		default:
			fields(c, id, old, current)
		}
	}
	for id := range now {
		if before[id] == nil && !hidden(was, now[id]) {
			c.New = append(c.New, id)
		}
	}
	regressions(c, was, is, before)
	fixed(c, was, now)
	for _, list := range [][]string{c.New, c.Gone, c.LostSight} {
		slices.Sort(list)
	}
	for _, list := range [][]v1alpha1.Change{c.Regressions, c.Fixed, c.Other} {
		sort.Slice(list, func(i, j int) bool {
			a, b := &list[i], &list[j]
			return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.What, b.What)) < 0
		})
	}
	c.Notes = append(c.Notes, differences(was.Scope, is.Scope)...)
	return c
}

// CheckRegressions is the outcome where only what got worse counts.
func CheckRegressions(r *v1alpha1.AuditReport) v1alpha1.AuditOutcome {
	switch {
	case len(r.Changes.Regressions) > 0:
		return v1alpha1.OutcomeFinding
	case len(r.Undecided) > 0 || len(r.Unreachable) > 0 || len(r.Changes.LostSight) > 0 || !examined(r.Items):
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

// hidden says whether the report could not ask where the cluster is.
func hidden(r *v1alpha1.AuditReport, cluster *v1alpha1.EncryptionReport) bool {
	c := cluster.Cluster
	return slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		if u.Context != "" {
			return u.Context == c.Context
		}
		return u.Account == c.Account && (u.Region == "" || u.Region == c.Region)
	})
}

// fields notes what differs, whether or not a control minds. A customer key that is
// gone is a regression under any rules: only a cluster made anew can lose one.
func fields(c *v1alpha1.AuditChanges, id string, was, is *v1alpha1.EncryptionReport) {
	if unknown(was) {
		return
	}
	if was.Encryption.KeyARN != "" && is.Encryption.KeyARN == "" {
		c.Regressions = append(c.Regressions, v1alpha1.Change{Cluster: id, What: "encryption.keyArn", Was: was.Encryption.KeyARN, Is: "no customer key",
			Reason: "an association can't be undone: the cluster was made anew, without the key"})
	} else if was.Encryption.KeyARN != is.Encryption.KeyARN {
		note(c, id, "encryption.keyArn", was.Encryption.KeyARN, is.Encryption.KeyARN)
	}
	note(c, id, "encryption.verdict", string(was.Encryption.Verdict), string(is.Encryption.Verdict))
	note(c, id, "cluster.kubernetesVersion", was.Cluster.KubernetesVersion, is.Cluster.KubernetesVersion)
	if was.Key != nil && is.Key != nil {
		note(c, id, "key.state", was.Key.State, is.Key.State)
	}
}

func note(c *v1alpha1.AuditChanges, id, what, was, is string) {
	if was != is {
		c.Other = append(c.Other, v1alpha1.Change{Cluster: id, What: what, Was: was, Is: is})
	}
}

type question struct{ cluster, control string }

func questions(findings []v1alpha1.Finding) map[question]v1alpha1.Finding {
	m := map[question]v1alpha1.Finding{}
	for _, f := range findings {
		m[question{f.Cluster, f.Control}] = f
	}
	return m
}

// regressions are the findings of now that were none then. What then failed without
// deciding is none: it is the rules that changed.
func regressions(c *v1alpha1.AuditChanges, was, is *v1alpha1.AuditReport, before map[string]*v1alpha1.EncryptionReport) {
	then := questions(was.Findings)
	for _, f := range is.Findings {
		if _, known := then[question{f.Cluster, f.Control}]; known {
			continue
		}
		old := before[f.Cluster]
		result := resultOf(old, f.Control)
		switch {
		case old == nil && slices.Contains(c.New, f.Cluster):
			result = "new cluster"
		case old == nil:
			result = "not seen"
		case waived(was, f.Cluster, f.Control):
			result = "Waived"
		case result == string(v1alpha1.ResultFail):
			c.Notes = append(c.Notes, fmt.Sprintf("%s of %s failed before, too, but did not decide then", f.Control, f.Cluster))
			continue
		}
		c.Regressions = append(c.Regressions, v1alpha1.Change{Cluster: f.Cluster, What: f.Control, Was: result, Is: string(v1alpha1.ResultFail), Reason: f.Reason})
	}
}

func fixed(c *v1alpha1.AuditChanges, was *v1alpha1.AuditReport, now map[string]*v1alpha1.EncryptionReport) {
	for _, f := range was.Findings {
		r := now[f.Cluster]
		result := resultOf(r, f.Control)
		if r == nil || result != string(v1alpha1.ResultPass) && result != string(v1alpha1.ResultNotApplicable) {
			continue
		}
		c.Fixed = append(c.Fixed, v1alpha1.Change{Cluster: f.Cluster, What: f.Control, Was: string(v1alpha1.ResultFail), Is: result, Reason: f.Reason})
	}
}

func waived(r *v1alpha1.AuditReport, cluster, control string) bool {
	return slices.ContainsFunc(r.Waived, func(w v1alpha1.Waived) bool { return w.Cluster == cluster && w.Control == control })
}

func resultOf(r *v1alpha1.EncryptionReport, control string) string {
	if r == nil {
		return ""
	}
	for _, c := range r.Controls {
		if c.ID == control {
			return string(c.Result)
		}
	}
	return "not answered"
}

// differences tell of scopes that can't be compared without a word.
func differences(was, is v1alpha1.AuditScope) []string {
	var notes []string
	for _, f := range []struct {
		name    string
		was, is []string
	}{
		{"contexts", was.Contexts, is.Contexts}, {"regions", was.Regions, is.Regions}, {"accounts", was.Accounts, is.Accounts},
		{"filters", was.Filters, is.Filters}, {"controls", was.Controls, is.Controls},
	} {
		if !slices.Equal(slices.Sorted(slices.Values(f.was)), slices.Sorted(slices.Values(f.is))) {
			notes = append(notes, fmt.Sprintf("the earlier audit had other %s: clusters may be new or gone for that reason alone", f.name))
		}
	}
	return notes
}
