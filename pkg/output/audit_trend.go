package output

import (
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
)

// trend shows the earlier audits and this one if wide is set. The column NOT-COMPARABLE names why the numbers of an
// audit cannot be compared with those of the audit before, OTHER-SCOPE what of its scope differs from this audit.
func (t *auditText) trend(points []v1alpha1.AuditPoint) {
	if !t.wide || len(points) < 2 {
		return
	}
	table := NewTable("FINISHED", "OUTCOME", "CLUSTERS", "FINDINGS", "CRITICAL", "HIGH", "MEDIUM", "LOW", "UNDECIDED",
		"WAIVED", "UNREACHABLE", "OTHER-SCOPE", "NOT-COMPARABLE")
	for _, p := range points {
		finished := ""
		if p.Time != nil {
			finished = clock.Minute(p.Time.Time)
		}
		row := []string{finished, string(p.Outcome), strconv.Itoa(p.Clusters), strconv.Itoa(p.Findings)}
		for _, severity := range []v1alpha1.Severity{v1alpha1.SeverityCritical, v1alpha1.SeverityHigh,
			v1alpha1.SeverityMedium, v1alpha1.SeverityLow} {
			row = append(row, strconv.Itoa(p.Severities[severity]))
		}
		table.Row(append(row, strconv.Itoa(p.Undecided), strconv.Itoa(p.Waived), strconv.Itoa(p.Unreachable),
			strings.Join(p.OtherScope, ", "), strings.Join(p.NotComparable, ", "))...)
	}
	t.table("Trend", table)
}
