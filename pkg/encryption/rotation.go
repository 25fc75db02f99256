package encryption

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// RotationText returns the automatic rotation of a key in words; nil is unknown.
func RotationText(r *v1alpha1.Rotation) string {
	switch {
	case r == nil:
		return "unknown"
	case !r.Enabled:
		return "off"
	case r.PeriodDays > 0:
		return fmt.Sprintf("every %d days", r.PeriodDays)
	}
	return "on"
}
