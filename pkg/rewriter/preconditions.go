package rewriter

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Preconditions are the facts that decide whether a run may start.
type Preconditions struct {
	Report *v1alpha1.EncryptionReport
	// TrustEndpoint allows writes to a cluster whose guard is Unverified. It never allows a Mismatch.
	TrustEndpoint bool
}

// notEncryptedError is the error of Check for a cluster without envelope encryption.
type notEncryptedError struct{ error }

func (e notEncryptedError) Unwrap() error { return e.error }

const unknownReason = "reason unknown"

// Check returns an error if the method must not run now: objects of another cluster prove nothing about this one, and
// the write key must be known and must not change during the run.
func (p Preconditions) Check(method v1alpha1.CoverageMethod) error {
	cluster, encryption := p.Report.Cluster, p.Report.Encryption
	writes := method != v1alpha1.MethodReadOnly && method != v1alpha1.MethodMetrics
	if err := p.checkGuard(writes); err != nil {
		return err
	}
	switch encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey:
	case v1alpha1.VerdictNotEncrypted:
		err := fmt.Errorf("cluster %q has no encryption key", cluster.Name)
		return notEncryptedError{hint.Wrap(err, "`kubectl eks-encrypt associate KEY` associates one")}
	default:
		return fmt.Errorf("could not determine the write key of cluster %q: %s",
			cluster.Name, cmp.Or(encryption.Reason, unknownReason))
	}
	if err := p.checkUpdates(); err != nil {
		return err
	}
	if key := p.Report.Key; writes && key != nil && key.Usable == v1alpha1.UsableNo {
		return fmt.Errorf("key %s is not usable, so no more data should depend on it: %s",
			key.ARN, cmp.Or(key.Reason, unknownReason))
	}
	return nil
}

func (p Preconditions) checkGuard(writes bool) error {
	cluster := p.Report.Cluster
	reason := cmp.Or(cluster.GuardReason, unknownReason)
	subject := "kubectl"
	if cluster.Context != "" {
		subject = fmt.Sprintf("kube context %q", cluster.Context)
	}
	switch {
	case cluster.Guard == v1alpha1.GuardMismatch:
		err := fmt.Errorf("%s does not connect to EKS cluster %q: %s", subject, cluster.Name, reason)
		return hint.Wrap(err, "use the context that aws eks update-kubeconfig creates for the cluster")
	case cluster.Guard != v1alpha1.GuardMatch && writes && !p.TrustEndpoint:
		err := fmt.Errorf("could not verify that %s connects to EKS cluster %q: %s", subject, cluster.Name, reason)
		return hint.Wrap(err, "--trust-endpoint proceeds without this evidence, and then nothing is proven")
	}
	return nil
}

// checkUpdates returns an error unless it is known that no association is in progress. During an association, the API
// servers are replaced one by one: what is true of one key at one server is not true of the cluster.
func (p Preconditions) checkUpdates() error {
	cluster := p.Report.Cluster
	switch update, unknown := p.Report.Encryption.Update, p.Report.Encryption.UpdatesUnknown; {
	case update != nil && update.Running():
		err := fmt.Errorf("update %s of cluster %q is in progress: objects may still be encrypted with the old key",
			update.ID, cluster.Name)
		return hint.Wrap(err, "`kubectl eks-encrypt associate --resume %s` waits for the update", update.ID)
	case unknown != "":
		err := fmt.Errorf("could not determine whether an association is in progress in cluster %q: %s",
			cluster.Name, unknown)
		return hint.Wrap(err, "wait until the cluster is ACTIVE; the caller needs eks:ListUpdates and "+
			"eks:DescribeUpdate on %s", cmp.Or(cluster.ARN, "the cluster"))
	}
	return nil
}

// NotEncrypted reports whether err is the error of Check for a cluster without envelope encryption.
func NotEncrypted(err error) bool { return errors.As(err, new(notEncryptedError)) }
