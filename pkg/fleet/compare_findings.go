package fleet

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

type findingKey struct{ cluster, control string }

func findingIndex(findings []v1alpha1.Finding) map[findingKey]bool {
	m := map[findingKey]bool{}
	for _, f := range findings {
		m[findingKey{f.Cluster, f.Control}] = true
	}
	return m
}

func waivedIndex(waived []v1alpha1.Waived) map[findingKey]*v1alpha1.Waived {
	m := map[findingKey]*v1alpha1.Waived{}
	for i := range waived {
		m[findingKey{waived[i].Cluster, waived[i].Control}] = &waived[i]
	}
	return m
}

// findRegressions adds the findings that the earlier report does not have. If the control
// already failed there but was not enforced, only the rules changed: it adds a note.
func (c *comparison) findRegressions() {
	earlier, waived := findingIndex(c.was.Findings), waivedIndex(c.was.Waived)
	for _, f := range c.is.Findings {
		key := findingKey{f.Cluster, f.Control}
		if earlier[key] {
			continue
		}
		old := c.before[f.Cluster]
		result := resultOf(old, f.Control)
		switch {
		case old == nil && slices.Contains(c.New, f.Cluster):
			result = "new cluster"
		case old == nil:
			result = "unknown: its location could not be queried"
		case waived[key] != nil:
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

// findFixed adds the earlier findings whose control passes or no longer applies.
func (c *comparison) findFixed() {
	for _, f := range c.was.Findings {
		r := c.now[f.Cluster]
		result := resultOf(r, f.Control)
		fixed := result == string(v1alpha1.ResultPass) || result == string(v1alpha1.ResultNotApplicable)
		if r == nil || !fixed || encryption.Transition(r) != "" {
			continue
		}
		c.Fixed = append(c.Fixed, v1alpha1.Change{
			Cluster: f.Cluster, What: f.Control, Was: string(v1alpha1.ResultFail), Is: result, Reason: f.Reason})
	}
}

// findWaived adds the findings and the places that were not waived earlier. A waiver that was extended is another
// change.
func (c *comparison) findWaived() {
	earlier := waivedIndex(c.was.Waived)
	for _, w := range c.is.Waived {
		old := earlier[findingKey{w.Cluster, w.Control}]
		if old == nil {
			c.Waived = append(c.Waived, w)
			continue
		}
		c.other(w.Cluster, w.Control+" waiver", waiverEnd(old), waiverEnd(&w))
	}
	var places []string
	for _, u := range c.was.Unreachable {
		if u.Waiver != nil {
			places = append(places, u.Waiver.Place)
		}
	}
	for _, u := range c.is.Unreachable {
		if u.Waiver != nil && !slices.Contains(places, u.Waiver.Place) {
			c.Waived = append(c.Waived, *u.Waiver)
		}
	}
}

func waiverEnd(w *v1alpha1.Waived) string {
	if w.Expires == nil {
		return w.Owner
	}
	return w.Owner + ", until " + w.Expires.UTC().Format(day)
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
