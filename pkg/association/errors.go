package association

import (
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func uncertainError(cluster string, err error) error {
	err = fmt.Errorf("could not determine whether EKS accepted the association for cluster %s: %w", cluster, err)
	return hint.Wrap(err, "run the same command again: it continues a running association and never begins another")
}

// rejection explains why EKS did not begin the association.
func (e *Engine) rejection(err error) error {
	switch action := eks.DeniedKMSAction(err); {
	case awsclient.KindOf(err) == awsclient.KindAccessDenied:
		return hint.Wrap(err, "allow eks:AssociateEncryptionConfig on %s; a policy of the organization may also limit "+
			"the keys (eks:encryptionConfigProviderKeyArns)", e.Cluster.ARN)
	case action != "":
		return hint.Wrap(fmt.Errorf("the caller is not allowed %s on %s: %w", action, e.KeyARN, err),
			"allow the caller %s on %s, in its IAM policy or the key policy, without a condition on "+
				"kms:GrantIsForAWSResource", action, e.KeyARN)
	case eks.Conflict(err):
		return hint.Wrap(fmt.Errorf("another update of cluster %s is in progress: %w", e.Cluster.Name, err),
			"wait until it has ended, then run this command again")
	}
	return err
}

type otherKeyError struct{ keyARN string }

func (e *otherKeyError) Error() string {
	return fmt.Sprintf("the cluster has another key now, %s, which cannot be changed", e.keyARN)
}

// failedError reports an update that ended without success.
func failedError(cluster string, u eks.Update) error {
	text := fmt.Sprintf("the association with cluster %s ended as %s (update %s)", cluster, u.Status, u.ID)
	separator := ": "
	for _, e := range u.Errors {
		text += fmt.Sprintf("%s%s: %s", separator, e.Code, e.Message)
		if len(e.ResourceIDs) > 0 {
			text += " (" + strings.Join(e.ResourceIDs, ", ") + ")"
		}
		separator = "; "
	}
	return hint.New(text, failureHint(u))
}

// failureHint returns the remedy for the likely cause. EKS has no error codes for KMS, so the messages are searched.
func failureHint(u eks.Update) string {
	if u.Status == "Cancelled" {
		return "the cluster is unchanged; find out who cancelled the update, then run this command again"
	}
	for _, e := range u.Errors {
		text := strings.ToLower(e.Code + " " + e.Message)
		contains := func(part string) bool { return strings.Contains(text, part) }
		switch {
		case contains("disabled"), contains("pending"), contains("invalidstate"):
			return "the key is not usable: check it with 'kubectl eks-encrypt keys' and repair it, " +
				"then run this command again"
		case contains("accessdenied"), contains("not authorized"), contains("operationnotpermitted"), contains("grant"):
			return "EKS may not use the key: its policy must allow the caller kms:CreateGrant without a condition on " +
				"kms:GrantIsForAWSResource; see 'kubectl eks-encrypt generate key-policy', then run this command again"
		}
	}
	return "the cluster is unchanged; check the key and its policy, then run this command again; " +
		"if it fails again, give AWS support the id of the update"
}

// PendingError reports that Wait ended before the association did. The same command can be run again to wait further.
type PendingError struct {
	Cluster, UpdateID string
	// TimedOut is true if the timeout ended the wait; otherwise Err is the reason.
	TimedOut bool
	Waited   time.Duration
	Err      error
}

func (e *PendingError) Error() string {
	s := fmt.Sprintf("the association with cluster %s (update %s) continues in EKS, but ", e.Cluster, e.UpdateID)
	if e.TimedOut {
		return s + fmt.Sprintf("did not end within %s", e.Waited.Round(time.Second))
	}
	return s + fmt.Sprintf("the wait failed: %v", e.Err)
}

func (e *PendingError) Unwrap() error { return e.Err }
