// Package encryption decides: from the facts that EKS and KMS state, whether a
// cluster's data is envelope-encrypted, of what kind, with whose key, and what
// the controls of auditors make of it. It does no I/O.
package encryption

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Facts are what DescribeCluster says of a cluster, as far as the verdict needs it.
type Facts struct {
	// Version is the cluster's Kubernetes version in EKS's spelling, "1.31".
	Version string
	// KeyARN is encryptionConfig[0].provider.keyArn. Empty stands for absent, null,
	// an empty list, no provider and an empty ARN alike: EKS means the same by all.
	KeyARN string
	// Connected is a cluster that EKS Connector registered: EKS doesn't run it.
	Connected bool
	// LocalOutpost is a local cluster on Outposts.
	LocalOutpost bool
}

// Decide gives the verdict. EKS says nothing of the key it owns: from Kubernetes
// 1.28 on all API data is envelope-encrypted even where encryptionConfig is absent,
// and a customer key covers all of it, though resources still says "secrets"
// (EKS User Guide, "Default envelope encryption for all Kubernetes API Data").
func Decide(f Facts) v1alpha1.Encryption {
	if reason := notApplicable(f); reason != "" {
		return v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable, Scope: v1alpha1.ScopeUnknown, Reason: reason, KeyARN: f.KeyARN}
	}
	version, err := ParseVersion(f.Version)
	known := err == nil
	all := known && !version.Less(FirstDefault)
	e := v1alpha1.Encryption{KeyARN: f.KeyARN}
	switch {
	case f.KeyARN != "" && all:
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeAllAPIData
		e.Reason = "EKS envelope-encrypts all Kubernetes API data with this customer-managed key as it is written; what was written before the association may still stand under the former key."
	case f.KeyARN != "" && known:
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeSecrets
		e.Reason = fmt.Sprintf("EKS envelope-encrypts Secrets with this customer-managed key as they are written; on Kubernetes %s, before %s, other data is encrypted by the disk alone.", version, FirstDefault)
	case f.KeyARN != "":
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeUnknown
		e.Reason = fmt.Sprintf("EKS envelope-encrypts with this customer-managed key, but whether all data or Secrets alone can't be told from the Kubernetes version %q.", f.Version)
	case all:
		e.Verdict, e.Scope = v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData
		e.Reason = fmt.Sprintf("No customer key is associated; from Kubernetes %s on, EKS envelope-encrypts all Kubernetes API data with a key that AWS owns and no API shows.", FirstDefault)
	case known:
		e.Verdict, e.Scope = v1alpha1.VerdictNotEncrypted, v1alpha1.ScopeNone
		e.Reason = fmt.Sprintf("No customer key is associated, and Kubernetes %s is older than %s: Secrets are not envelope-encrypted, only the disk below etcd is encrypted.", version, FirstDefault)
	default:
		e = Unknown(fmt.Sprintf("no customer key is associated, and the Kubernetes version %q can't be read: whether EKS encrypts by default depends on it.", f.Version))
	}
	return e
}

func notApplicable(f Facts) string {
	switch {
	case f.Connected:
		return "The cluster is only registered with EKS (EKS Connector): EKS does not run its control plane and knows nothing of its encryption."
	case f.LocalOutpost:
		return "This is a local cluster on Outposts, where EKS does not support envelope encryption."
	}
	return ""
}

// Unknown is the verdict where the facts could not be had; because is the reason.
func Unknown(because string) v1alpha1.Encryption {
	return v1alpha1.Encryption{Verdict: v1alpha1.VerdictUnknown, Scope: v1alpha1.ScopeUnknown, Reason: "Unknown, because " + because}
}
