package report

import (
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// clean returns the report with every string sanitized, also in fields that are added later. It shares with r what
// needs no change.
func clean(r *v1alpha1.AuditReport) *v1alpha1.AuditReport {
	return sanitize.Strings(r, sanitize.SingleLine)
}
