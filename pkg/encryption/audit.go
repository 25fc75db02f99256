package encryption

import (
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// NotEKS reports whether a report is about a kube context that does not lead to an EKS cluster.
func NotEKS(r *v1alpha1.EncryptionReport) bool {
	return r.Cluster.ARN == "" && r.Encryption.Verdict == v1alpha1.VerdictNotApplicable
}

// NotWaived returns the places that could not be queried and that no waiver covers.
func NotWaived(places []v1alpha1.Unreachable) []v1alpha1.Unreachable {
	return slices.DeleteFunc(slices.Clone(places), func(u v1alpha1.Unreachable) bool { return u.Waiver != nil })
}

// SeverityRank orders severities, the most severe first. One that is not known comes last.
func SeverityRank(s v1alpha1.Severity) int {
	known := []v1alpha1.Severity{v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium,
		v1alpha1.SeverityLow}
	if i := slices.Index(known, s); i >= 0 {
		return i
	}
	return len(known)
}
