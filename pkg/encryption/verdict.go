// Package encryption decides, from the facts that EKS and KMS report, whether and how
// a cluster's data is envelope-encrypted, and evaluates the audit controls ENC-1 to
// ENC-6. It performs no I/O.
package encryption

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Facts are the parts of a DescribeCluster response that the verdict depends on.
type Facts struct {
	// Version is the cluster's Kubernetes version as EKS spells it, such as "1.31".
	Version string
	// KeyARN is encryptionConfig[0].provider.keyArn. It is empty if any part of that
	// path is absent, null or empty: EKS means the same in all these cases.
	KeyARN string
	// Connected marks a cluster that EKS Connector registered and EKS does not run.
	Connected bool
	// LocalOutpost marks a local cluster on Outposts.
	LocalOutpost bool
}

// Decide returns the verdict. EKS does not report the key that AWS owns: from
// Kubernetes 1.28 on, all API data is envelope-encrypted even if encryptionConfig is
// absent. A customer key then covers all data, although resources still lists only
// "secrets" (EKS User Guide, "Default envelope encryption for all Kubernetes API Data").
func Decide(f Facts) v1alpha1.Encryption {
	e := v1alpha1.Encryption{KeyARN: f.KeyARN}
	if reason := notApplicable(f); reason != "" {
		e.Verdict, e.Scope, e.Reason = v1alpha1.VerdictNotApplicable, v1alpha1.ScopeUnknown, reason
		return e
	}
	version, err := ParseVersion(f.Version)
	known := err == nil
	all := known && !version.Less(FirstDefault())
	switch {
	case f.KeyARN != "" && all:
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeAllAPIData
		e.Reason = "EKS envelope-encrypts all Kubernetes API data with this customer-managed key when it is written. " +
			"Data written before the association may still be encrypted with the previous key."
	case f.KeyARN != "" && known:
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeSecrets
		e.Reason = fmt.Sprintf("EKS envelope-encrypts Secrets with this customer-managed key when they are written. "+
			"On Kubernetes %s, before %s, other data is protected only by disk encryption.", version, FirstDefault())
	case f.KeyARN != "":
		e.Verdict, e.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeUnknown
		e.Reason = fmt.Sprintf("EKS envelope-encrypts with this customer-managed key. "+
			"Whether it covers all data or only Secrets is unknown for Kubernetes version %q.", f.Version)
	case all:
		e.Verdict, e.Scope = v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData
		e.Reason = fmt.Sprintf("No customer key is associated. From Kubernetes %s on, EKS envelope-encrypts "+
			"all Kubernetes API data with a key that AWS owns and no API shows.", FirstDefault())
	case known:
		e.Verdict, e.Scope = v1alpha1.VerdictNotEncrypted, v1alpha1.ScopeNone
		e.Reason = fmt.Sprintf("No customer key is associated, and Kubernetes %s is older than %s: "+
			"Secrets are not envelope-encrypted; only the disk that stores them is encrypted.", version, FirstDefault())
	default:
		e = Unknown(fmt.Sprintf("%q is not a valid Kubernetes version. "+
			"Without a customer key, the encryption depends on the version.", f.Version))
	}
	return e
}

func notApplicable(f Facts) string {
	switch {
	case f.Connected:
		return "The cluster is only registered with EKS (EKS Connector). " +
			"EKS does not run its control plane and does not know how it is encrypted."
	case f.LocalOutpost:
		return "This is a local cluster on Outposts, where EKS does not support envelope encryption."
	}
	return ""
}

// UnknownPrefix begins the reason of the verdict Unknown.
const UnknownPrefix = "Unknown, because "

// Unknown returns the verdict for a cluster whose facts could not be determined.
func Unknown(reason string) v1alpha1.Encryption {
	return v1alpha1.Encryption{
		Verdict: v1alpha1.VerdictUnknown, Scope: v1alpha1.ScopeUnknown, Reason: UnknownPrefix + reason,
	}
}
