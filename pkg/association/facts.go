package association

import (
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Facts are all that a plan rests on.
type Facts struct {
	// Cluster is what the kube context tells, completed by EKS.
	Cluster v1alpha1.Cluster
	// NameByFlag says that the user named the cluster on the command line.
	NameByFlag bool
	// Live is what EKS says of the cluster; nil if EKS wasn't asked.
	Live *Cluster
	// Updates are the cluster's, the oldest first; UpdatesErr is why they are unknown.
	Updates    []Update
	UpdatesErr error

	// Key is the key to associate, as an item of the key list.
	Key v1alpha1.KeyListItem
	// KeyErr is why the key couldn't be told, a *kms.RefError or *kms.IneligibleError.
	KeyErr error
	// KeyAccount and CallerAccount are the accounts of both.
	KeyAccount, CallerAccount string
	// Grant is the outcome of the dry run; nil if there was none.
	Grant *v1alpha1.Check
	// Traps are those of the key policy; TrapsUnread is why it couldn't be read.
	Traps       kms.Traps
	TrapsUnread string
	// UsedBy are the ARNs of other clusters that use the key; UsedByErr is why they
	// are unknown.
	UsedBy    []string
	UsedByErr error

	Drift       v1alpha1.Drift
	AcceptDrift bool
}

// Decision is what is left to do.
type Decision string

// Decisions. Each but Associate sends nothing.
const (
	// Associate is to send the request.
	Associate Decision = "Associate"
	// Adopt is to wait for an association of the same key that runs already.
	Adopt Decision = "Adopt"
	// Done is that the cluster has the key.
	Done Decision = "Done"
	// Refuse is that a check failed.
	Refuse Decision = "Refuse"
)

// Adoptable is the running association of the wanted key, if there is one.
func (f Facts) Adoptable() *Update {
	for _, u := range slices.Backward(f.Updates) {
		if u.IsAssociation() && u.Running() && u.KeyARN == f.Key.ARN && f.Key.ARN != "" {
			return &u
		}
	}
	return nil
}

// wanted says what would be to do if no check failed.
func (f Facts) wanted() Decision {
	switch {
	case f.Live != nil && f.Live.KeyARN != "" && f.Live.KeyARN == f.Key.ARN:
		return Done
	case f.Adoptable() != nil:
		return Adopt
	}
	return Associate
}
