package report

import (
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// clean returns a copy of the report with every string sanitized, also in fields that are
// added later.
func clean(r *v1alpha1.AuditReport) (*v1alpha1.AuditReport, error) {
	out := &v1alpha1.AuditReport{}
	return out, sanitize.Copy(r, out, sanitize.SingleLine)
}
