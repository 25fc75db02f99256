package rewriter

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Preconditions says why objects of the cluster must not be written now; nil when
// they may. ConfirmedByName is true when the user named the cluster on purpose,
// which makes up for a guard that could not be verified, never for a mismatch.
func Preconditions(report *v1alpha1.EncryptionReport, confirmedByName bool) error {
	cluster := report.Cluster
	switch {
	case cluster.Guard == v1alpha1.GuardMismatch:
		return fmt.Errorf("kube context %q does not lead to EKS cluster %q: %s", cluster.Context, cluster.Name, because(cluster.GuardReason))
	case cluster.Guard != v1alpha1.GuardMatch && !confirmedByName:
		return fmt.Errorf("it is not verified that kube context %q leads to EKS cluster %q: %s\nhint: name the cluster with --cluster-name to go on nevertheless",
			cluster.Context, cluster.Name, because(cluster.GuardReason))
	}
	if update := report.Encryption.Update; update != nil && strings.EqualFold(update.Status, "InProgress") {
		return fmt.Errorf("update %s of cluster %q is still associating a key, and what is written meanwhile may land under the old one\nhint: `kubectl eks-encrypt associate` waits for it", update.ID, cluster.Name)
	}
	switch report.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey:
	case v1alpha1.VerdictNotEncrypted:
		return fmt.Errorf("cluster %q has no key to bring objects under\nhint: `kubectl eks-encrypt associate` gives it one", cluster.Name)
	default:
		return fmt.Errorf("it is not known which key cluster %q writes with: %s", cluster.Name, because(report.Encryption.Reason))
	}
	if key := report.Key; key != nil && key.Usable == v1alpha1.UsableNo {
		return fmt.Errorf("key %s cannot be used, so no more data should come to depend on it: %s", key.ARN, because(key.Reason))
	}
	return nil
}

func because(reason string) string {
	if reason == "" {
		return "no reason is known"
	}
	return reason
}
