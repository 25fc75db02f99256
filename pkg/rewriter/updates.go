package rewriter

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// CheckUpdates returns an error unless it is known that no association is in progress. During an association, the API
// servers are replaced one by one: what is true of one key at one server is not true of the cluster.
func CheckUpdates(report *v1alpha1.EncryptionReport) error {
	cluster := report.Cluster
	switch update, unknown := report.Encryption.Update, report.Encryption.UpdatesUnknown; {
	case update != nil && update.Running():
		err := fmt.Errorf("update %s of cluster %q is in progress: objects may still be encrypted with the old key",
			update.ID, cluster.Name)
		return hint.Wrap(err, "wait until it has ended; with the same flags, 'kubectl eks-encrypt associate --resume %s' "+
			"waits for it", update.ID)
	case unknown != "":
		err := fmt.Errorf("could not determine whether an association is in progress in cluster %q: %s",
			cluster.Name, unknown)
		return hint.Wrap(err, "wait until the cluster is ACTIVE; the caller needs eks:ListUpdates and "+
			"eks:DescribeUpdate on %s", cluster.ARN)
	}
	return nil
}
