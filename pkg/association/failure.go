package association

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// UncertainError says that the request may have been taken on, and that nothing
// could be found out about it. A run of the same command takes it up.
type UncertainError struct {
	Cluster string
	Err     error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("whether EKS took the association of cluster %s on is unknown: %v", e.Cluster, e.Err)
}

func (e *UncertainError) Unwrap() error { return e.Err }

// Hint says that a second run is safe.
func (e *UncertainError) Hint() string {
	return "run the same command again: it takes up what runs, and never associates twice"
}

// beginError is a refusal by EKS, with its remedy.
type beginError struct {
	error
	hint string
}

func (e *beginError) Unwrap() error { return e.error }
func (e *beginError) Hint() string  { return e.hint }

var kmsAction = regexp.MustCompile(`kms:[A-Za-z]+`)

// refused explains why EKS wouldn't begin. A KMS permission that the caller lacks
// comes as InvalidRequestException, not as a denial.
func (e *Engine) refused(err error) error {
	text := message(err)
	action := kmsAction.FindString(text)
	switch {
	case code(err) == "AccessDeniedException" || code(err) == "AccessDenied":
		return &beginError{
			fmt.Errorf("eks:AssociateEncryptionConfig on %s is not permitted: %w", e.Cluster.ARN, err),
			fmt.Sprintf("allow eks:AssociateEncryptionConfig on %s; a policy of the organisation may also limit which keys are taken (eks:encryptionConfigProviderKeyArns)", e.Cluster.ARN),
		}
	case action != "":
		return &beginError{
			fmt.Errorf("%s on %s is not permitted to the caller: %w", action, e.KeyARN, err),
			fmt.Sprintf("allow the caller %s on %s, in its IAM policy or the key's, without a condition on kms:GrantIsForAWSResource", action, e.KeyARN),
		}
	case react(err) == look:
		return &beginError{
			fmt.Errorf("another update of cluster %s is in progress: %w", e.Cluster.Name, err),
			"wait for it, then run this again",
		}
	}
	return explain(err, "AssociateEncryptionConfig", e.Cluster.Name)
}

// FailedError says that EKS ended the association without success.
type FailedError struct {
	Cluster string
	Update  Update
}

func (e *FailedError) Error() string {
	s := fmt.Sprintf("the association with cluster %s ended as %s (update %s)", e.Cluster, e.Update.Status, e.Update.ID)
	for i, one := range e.Update.Errors {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		s += fmt.Sprintf("%s%s: %s", sep, one.Code, one.Message)
		if len(one.ResourceIDs) > 0 {
			s += " (" + strings.Join(one.ResourceIDs, ", ") + ")"
		}
	}
	return s
}

// Hint is the likely cause and its remedy. EKS has no error code of its own for
// KMS, so the messages count as well.
func (e *FailedError) Hint() string {
	if e.Update.Status == "Cancelled" {
		return "the cluster is unchanged; find out who cancelled it, then run this again"
	}
	for _, one := range e.Update.Errors {
		text := strings.ToLower(one.Code + " " + one.Message)
		switch {
		case strings.Contains(text, "disabled"), strings.Contains(text, "pending"), strings.Contains(text, "invalidstate"):
			return "the key isn't usable: look at it with 'kubectl eks-encrypt keys', put it right, then run this again"
		case strings.Contains(text, "accessdenied"), strings.Contains(text, "not authorized"), strings.Contains(text, "operationnotpermitted"), strings.Contains(text, "grant"):
			return "EKS may not use the key: its policy must allow the caller kms:CreateGrant without a condition on kms:GrantIsForAWSResource; see 'kubectl eks-encrypt generate key-policy', then run this again"
		}
	}
	return "the cluster is unchanged; look at the key and its policy, then run this again; if it fails again, AWS support can tell more by the update's id"
}

// PendingError says that the association goes on in EKS, but isn't waited for any
// longer. A run of the same command takes it up.
type PendingError struct {
	Cluster, UpdateID string
	// TimedOut says that the time was up; otherwise Err says what ended the wait.
	TimedOut bool
	Waited   time.Duration
	Err      error
}

func (e *PendingError) Error() string {
	s := fmt.Sprintf("the association with cluster %s goes on in EKS (update %s), but ", e.Cluster, e.UpdateID)
	if e.TimedOut {
		return s + fmt.Sprintf("wasn't done after %s", e.Waited.Round(time.Second))
	}
	return s + fmt.Sprintf("can't be waited for: %v", e.Err)
}

func (e *PendingError) Unwrap() error { return e.Err }
