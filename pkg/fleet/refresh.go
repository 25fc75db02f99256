package fleet

import (
	"slices"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// refresh decides the controls of a recorded report again. What depends on the time is as of now: the days that
// imported key material has left. Whether a key is usable is unknown if its material was to expire since.
func refresh(r *v1alpha1.EncryptionReport, now time.Time) {
	if r.Key != nil && r.Key.ValidTo != nil {
		key := *r.Key
		old := encryption.ExpiryNotes(key.MaterialDaysLeft)
		key.MaterialDaysLeft = encryption.DaysLeft(key.ValidTo, now)
		r.Notes = slices.Concat(missing(r.Notes, old), encryption.ExpiryNotes(key.MaterialDaysLeft))
		if key.Usable == v1alpha1.UsableYes && !now.Before(key.ValidTo.Time) {
			key.Usable = v1alpha1.UsableUnknown
			key.Reason = "the imported key material was to expire at " + clock.Minute(key.ValidTo.Time) +
				", after the key was checked"
		}
		r.Key = &key
	}
	r.Controls = encryption.Controls(r)
}
