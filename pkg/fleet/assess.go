package fleet

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Answers are what was found out, as Assess takes it.
type Answers struct {
	Items       []v1alpha1.EncryptionReport
	Unreachable []v1alpha1.Unreachable
	// Data is by cluster ARN, where the existing data was to be looked at.
	Data  map[string]Data
	Notes []string
	// StartedAt is when the asking began.
	StartedAt time.Time
}

// Data is how the existing data of a cluster stands, or why that was not looked at.
type Data struct {
	Coverage *v1alpha1.CoverageReport
	Unasked  string
}

// Assess holds the answers against the rules. It asks nobody.
func Assess(a Answers, rules Rules) *v1alpha1.AuditReport {
	started, finished := metav1.NewTime(a.StartedAt.UTC().Truncate(time.Second)), metav1.NewTime(rules.Now.UTC().Truncate(time.Second))
	out := &v1alpha1.AuditReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), StartedAt: &started, FinishedAt: &finished,
		ObjectMeta: metav1.ObjectMeta{Name: "audit-" + started.Format("20060102-150405")},
		Scope:      v1alpha1.AuditScope{Controls: rules.Controls}, Unreachable: a.Unreachable, Notes: a.Notes,
		Controls: rules.definitions(),
		Items:    slices.Clone(a.Items), // never null in JSON
		Summary: v1alpha1.AuditSummary{
			Clusters: len(a.Items), ByVerdict: map[v1alpha1.Verdict]int{}, ByControl: map[string]map[v1alpha1.Result]int{},
		},
	}
	if out.Items == nil {
		out.Items = []v1alpha1.EncryptionReport{}
	}
	for i := range out.Items {
		r := &out.Items[i]
		data := a.Data[r.Cluster.ARN]
		if data.Coverage != nil {
			out.Coverage = append(out.Coverage, *data.Coverage)
		}
		rules.answer(r, data)
		rules.decide(r, out)
		out.Summary.ByVerdict[r.Encryption.Verdict]++
		for _, c := range r.Controls {
			if out.Summary.ByControl[c.ID] == nil {
				out.Summary.ByControl[c.ID] = map[v1alpha1.Result]int{}
			}
			out.Summary.ByControl[c.ID][c.Result]++
		}
	}
	out.Keys = keyView(out.Items, rules.Now)
	out.OtherTools = otherTools(out.Items)
	sortFindings(out.Findings)
	sortFindings(out.Undecided)
	s := &out.Summary
	s.Findings, s.Undecided, s.Waived = len(out.Findings), len(out.Undecided), len(out.Waived)
	s.Outcome = outcome(out)
	return out
}

// outcome is the answer in one word. A finding outweighs what could not be told,
// and an audit of nothing tells nothing.
func outcome(r *v1alpha1.AuditReport) v1alpha1.AuditOutcome {
	switch {
	case len(r.Findings) > 0:
		return v1alpha1.OutcomeFinding
	case len(r.Undecided) > 0 || len(r.Unreachable) > 0 || !examined(r.Items):
		return v1alpha1.OutcomeCannotTell
	}
	return v1alpha1.OutcomeHolds
}

// examined says whether there is a cluster at all that is one of EKS.
func examined(items []v1alpha1.EncryptionReport) bool {
	return slices.ContainsFunc(items, func(r v1alpha1.EncryptionReport) bool { return r.Cluster.ARN != "" })
}

// definitions are all controls, with the standards that each gives evidence for.
func (r *Rules) definitions() []v1alpha1.AuditControl {
	var out []v1alpha1.AuditControl
	for _, d := range encryption.Definitions() {
		c := v1alpha1.AuditControl{ID: d.ID, Name: d.Name, Decides: slices.Contains(r.Controls, d.ID)}
		for _, s := range d.Standards {
			c.Standards = append(c.Standards, v1alpha1.Standard{ID: s.ID, Title: s.Title, Wants: string(s.Want)})
		}
		out = append(out, c)
	}
	return out
}
