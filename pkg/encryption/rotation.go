package encryption

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// RotationMeaning is what users ask most about rotation.
const RotationMeaning = "rotation inside the key never makes an object stale: " +
	"KMS keeps the old material and decrypts with it"

// RotationDetails returns the automatic rotation with its next date, and the rotations so far. rotations may be nil,
// and unknown is then why.
func RotationDetails(automatic string, r *v1alpha1.Rotation, rotations *v1alpha1.Rotations, unknown string) string {
	text := automatic
	if r != nil && r.NextDate != nil {
		text += ", next on " + r.NextDate.UTC().Format(time.DateOnly)
	}
	switch {
	case rotations != nil:
		text += fmt.Sprintf("; on demand: %d of %d used", rotations.OnDemand, rotations.OnDemandLimit)
		if rotations.Last != nil {
			text += "; last rotated on " + rotations.Last.UTC().Format(time.DateOnly)
		}
	case unknown != "":
		text += "; on demand: " + unknown
	}
	if r != nil && r.OnDemandStarted != nil {
		text += "; a rotation on demand began on " + r.OnDemandStarted.UTC().Format(time.DateOnly) + " and has not ended"
	}
	return text
}

// expiryWarning is the number of days before imported key material expires from which a report warns.
const expiryWarning = 30

// DaysLeft returns the number of whole days from now until imported key material expires, negative after it; nil if it
// does not expire.
func DaysLeft(validTo *metav1.Time, now time.Time) *int {
	if validTo == nil {
		return nil
	}
	left := validTo.Sub(now)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days-- // less than a day ago is -1
	}
	return &days
}

// ExpiryNotes returns a warning if imported key material expires soon or has expired.
func ExpiryNotes(daysLeft *int) []string {
	const next = "import the same material again (kms:ImportKeyMaterial)"
	switch {
	case daysLeft == nil || *daysLeft >= expiryWarning:
		return nil
	case *daysLeft < 0:
		return []string{"WARNING: the imported key material has expired, so the cluster cannot use its key: " + next}
	}
	return []string{fmt.Sprintf("WARNING: the imported key material expires in %d days; after that the cluster cannot "+
		"use its key: %s before", *daysLeft, next)}
}

// ExpiryText returns the days left in words; "" if they are unknown.
func ExpiryText(daysLeft *int) string {
	switch {
	case daysLeft == nil:
		return ""
	case *daysLeft < 0:
		return "expired"
	}
	return fmt.Sprintf("%d days left", *daysLeft)
}
