package fleet

import (
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// standardView returns the results as the published standard of the rules sees them, or nil if the audit judges all
// standards.
func (r *Rules) standardView(out *v1alpha1.AuditReport) *v1alpha1.AuditStandard {
	p, err := encryption.ParsePublication(r.Standard)
	if r.Standard == "" || err != nil {
		return nil
	}
	view := &v1alpha1.AuditStandard{Name: p.Name, Title: p.Title}
	for _, d := range encryption.Definitions() {
		for _, s := range d.Of(p.Name) {
			requirement := v1alpha1.StandardRequirement{
				ID: s.ID, Title: s.Title, Wants: string(s.Want), Control: d.ID, Results: map[v1alpha1.Result]int{},
			}
			for i := range out.Items {
				if result := requirementResult(s, d.ID, &out.Items[i]); result != "" {
					requirement.Results[result]++
				}
			}
			for _, w := range out.Waived {
				if w.Control == d.ID && slices.Contains(w.Standards, s.ID) {
					requirement.Waived++
				}
			}
			view.Requirements = append(view.Requirements, requirement)
		}
	}
	return view
}

// requirementResult returns the result of the requirement for one cluster. A key that is unusable without being
// scheduled for deletion passes a requirement that keys are not deleted.
func requirementResult(s encryption.Standard, control string, item *v1alpha1.EncryptionReport) v1alpha1.Result {
	for _, c := range item.Controls {
		if c.ID != control {
			continue
		}
		result, _ := effective(item, c)
		evidence := encryption.Definition(control).Evidence(result, item.Key)
		if result == v1alpha1.ResultFail && !slices.Contains(evidence, s) {
			return v1alpha1.ResultPass
		}
		return result
	}
	return ""
}

// definitions returns all controls with their standards.
func (r *Rules) definitions() []v1alpha1.AuditControl {
	var out []v1alpha1.AuditControl
	for _, d := range encryption.Definitions() {
		c := v1alpha1.AuditControl{ID: d.ID, Name: d.Name, Decides: slices.Contains(r.Controls, d.ID)}
		for _, s := range d.Standards {
			c.Standards = append(c.Standards, v1alpha1.Standard{
				ID: s.ID, Title: s.Title, Wants: string(s.Want), Standard: s.Publication, OnlyDeletion: s.OnlyDeletion,
			})
		}
		out = append(out, c)
	}
	return out
}
