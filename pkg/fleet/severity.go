package fleet

import (
	"cmp"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
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

// sortFindings sorts findings in the order that v1alpha1.AuditReport documents.
func sortFindings(findings []v1alpha1.Finding) {
	slices.SortStableFunc(findings, func(a, b v1alpha1.Finding) int {
		return cmp.Or(cmp.Compare(encryption.SeverityRank(a.Severity), encryption.SeverityRank(b.Severity)),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster))
	})
}

// sortWaived sorts waived findings in the same order.
func sortWaived(waived []v1alpha1.Waived) {
	slices.SortStableFunc(waived, func(a, b v1alpha1.Waived) int {
		return cmp.Or(cmp.Compare(encryption.SeverityRank(a.Severity), encryption.SeverityRank(b.Severity)),
			cmp.Compare(a.Control, b.Control), cmp.Compare(a.Cluster, b.Cluster))
	})
}
