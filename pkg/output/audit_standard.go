package output

import (
	"strconv"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// standard shows the results of each requirement of the standard that the audit judged.
func (t *auditText) standard(s *v1alpha1.AuditStandard) {
	if s == nil {
		return
	}
	table := NewTable("REQUIREMENT", "CONTROL", "PASS", "FAIL", "WAIVED", "UNKNOWN", "NOT-APPLICABLE", "TITLE", "REQUIRES")
	for i := range s.Requirements {
		r := &s.Requirements[i]
		n := func(result v1alpha1.Result) string { return strconv.Itoa(r.Results[result]) }
		table.Row(r.ID, r.Control, n(v1alpha1.ResultPass), strconv.Itoa(r.Results[v1alpha1.ResultFail]-r.Waived),
			strconv.Itoa(r.Waived), n(v1alpha1.ResultUnknown), n(v1alpha1.ResultNotApplicable), r.Title, r.Wants)
	}
	t.table("Requirements of "+sanitize.Line(s.Title), table)
}
