package association

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// UncertainError reports that an answer was lost, so that EKS may have accepted the association.
type UncertainError struct {
	Cluster string
	// Err is the last error. It may be a refusal of a later request.
	Err error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("could not determine whether EKS accepted the association for cluster %s: %v", e.Cluster, e.Err)
}

func (e *UncertainError) Unwrap() error { return e.Err }

// Hint returns the next step.
func (e *UncertainError) Hint() string {
	return "wait a few minutes, then look for the association with 'kubectl eks-encrypt status'; the same command waits " +
		"for it if it runs, and never begins a second one"
}

// InterruptedError reports that the context ended while it was certain that EKS had accepted nothing.
type InterruptedError struct {
	// Sent is true if a request was sent, which EKS refused.
	Sent bool
}

func (e *InterruptedError) Error() string {
	if e.Sent {
		return "interrupted: EKS accepted nothing, nothing was changed"
	}
	return "interrupted: nothing was sent, nothing was changed"
}

// rejection explains why EKS did not begin the association.
func (e *Engine) rejection(err error) error {
	cause, action := eks.CauseOf(err)
	switch {
	case awsclient.KindOf(err) == awsclient.KindAccessDenied:
		return hint.Wrap(err, "allow eks:AssociateEncryptionConfig on %s; a policy of the organization may also limit "+
			"the keys (eks:encryptionConfigProviderKeyArns)", e.Cluster.ARN)
	case cause == eks.CausePermission:
		action = cmp.Or(action, strings.Join(kms.AssociateActions(), " and "))
		next := fmt.Sprintf("allow the caller %s on %s, in its IAM policy or the key policy, without a condition on "+
			"kms:GrantIsForAWSResource", action, e.KeyARN)
		if add := kms.StatementText(e.Policy.Statements); add != "" {
			next = "add to the key policy: " + add
		}
		return hint.Wrap(fmt.Errorf("the caller is not allowed %s on %s: %w", action, e.KeyARN, err), "%s", next)
	case cause == eks.CauseRole:
		return e.roleError(err)
	case cause == eks.CauseBusy:
		return hint.Wrap(fmt.Errorf("another update of cluster %s is in progress: %w", e.Cluster.Name, err),
			"wait until it has ended, then run this command again")
	case cause == eks.CauseHasKey:
		return hint.Wrap(fmt.Errorf("EKS reports that cluster %s has a key, but does not name it yet: %w",
			e.Cluster.Name, err), "wait a few minutes, then run 'kubectl eks-encrypt status'")
	case cause == eks.CauseKeyNotFound:
		return hint.Wrap(fmt.Errorf("EKS cannot find the key: %w", err), "check that %s exists, and that its policy does "+
			"not limit kms:DescribeKey to calls that do not come through EKS; then run this command again", e.KeyARN)
	case cause == eks.CauseKeyState:
		return hint.Wrap(fmt.Errorf("EKS cannot use the key: %w", err), repairKey)
	}
	return err
}

// roleError explains an error with the cluster's role.
func (e *Engine) roleError(err error) error {
	access := e.Policy.Role
	access.Role = e.Cluster.RoleARN
	unread := e.PolicyUnread
	if access.Decisions == nil && unread == "" {
		unread = "the policy was not read"
	}
	return kms.RoleError(err, e.KeyARN, access, unread)
}

type otherKeyError struct{ keyARN string }

func (e *otherKeyError) Error() string {
	return fmt.Sprintf("the cluster has another key now, %s, which cannot be changed", e.keyARN)
}

// failedError reports an update that ended without success.
func (e *Engine) failedError(u eks.Update) error {
	text := fmt.Sprintf("the association with cluster %s ended as %s (update %s)", e.Cluster.Name, u.Status, u.ID)
	separator, role := ": ", false
	for _, failed := range u.Errors {
		text += fmt.Sprintf("%s%s: %s", separator, failed.Code, failed.Message)
		if len(failed.ResourceIDs) > 0 {
			text += " (" + strings.Join(failed.ResourceIDs, ", ") + ")"
		}
		separator = "; "
		cause, _ := eks.CauseIn(failed.Code, failed.Message)
		role = role || cause == eks.CauseRole
	}
	if role {
		return e.roleError(errors.New(text))
	}
	return hint.New(text, failureHint(u))
}

const repairKey = "the key is not usable: check it with 'kubectl eks-encrypt keys' and repair it, then run this " +
	"command again"

// failureHint returns the remedy for the likely cause.
func failureHint(u eks.Update) string {
	if u.Status == "Cancelled" {
		return "the cluster is unchanged; find out who cancelled the update, then run this command again"
	}
	for _, e := range u.Errors {
		switch cause, _ := eks.CauseIn(e.Code, e.Message); cause {
		case eks.CauseKeyState, eks.CauseKeyNotFound:
			return repairKey
		case eks.CausePermission:
			return "EKS may not use the key: its policy must allow the caller kms:CreateGrant without a condition on " +
				"kms:GrantIsForAWSResource; see 'kubectl eks-encrypt generate key-policy', then run this command again"
		}
	}
	return "the cluster is unchanged; check the key and its policy, then run this command again; " +
		"if it fails again, give AWS support the id of the update"
}

// PendingError reports that Wait ended before the association did. Wait can be called again.
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
