package fleet

import (
	"cmp"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func severity(control string) v1alpha1.Severity {
	switch control {
	case controlUsable:
		return v1alpha1.SeverityCritical
	case controlEnvelope:
		return v1alpha1.SeverityHigh
	case controlRotation:
		return v1alpha1.SeverityLow
	}
	return v1alpha1.SeverityMedium
}

// weight orders severities, the most severe first.
func weight(s v1alpha1.Severity) int {
	return slices.Index([]v1alpha1.Severity{
		v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow,
	}, s)
}

// sortFindings sorts findings in the order that v1alpha1.AuditReport documents.
func sortFindings(findings []v1alpha1.Finding) {
	slices.SortStableFunc(findings, func(a, b v1alpha1.Finding) int {
		return cmp.Or(cmp.Compare(weight(a.Severity), weight(b.Severity)),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster))
	})
}

// sortWaived sorts waived findings in the same order.
func sortWaived(waived []v1alpha1.Waived) {
	slices.SortStableFunc(waived, func(a, b v1alpha1.Waived) int {
		return cmp.Or(cmp.Compare(weight(a.Severity), weight(b.Severity)),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster))
	})
}
