package rewriter

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// outcome is what one no-op write says of its object.
type outcome int

const (
	refused    outcome = iota // the storage had nothing to write: the object is current
	written                   // the storage wrote it
	deleted                   // it is gone, or another object bears its name
	conflicted                // somebody wrote it since it was listed
	unanswered                // try again
	denied                    // it will go no better the next time
	unrightful                // the authorizer says no
)

// judge reads the answer to a write that named the resourceVersion before and
// came back with the one after.
func judge(before, after uint64, err error) outcome {
	switch {
	case err == nil && after == before:
		return refused
	case err == nil:
		return written
	case noSuchObject(err), otherUID(err):
		return deleted
	case apierrors.IsConflict(err):
		return conflicted
	case transient(err):
		return unanswered
	case missingRight(err):
		return unrightful
	}
	return denied
}

// noSuchObject tells the API server's answer that it has no object of that name
// from any other 404, such as a path it does not serve or the page of a proxy.
func noSuchObject(err error) bool {
	status := apierrors.APIStatus(nil)
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Name != ""
}

// otherUID tells the answer to a write that names the uid of a predecessor: the
// server calls the change of an immutable field Invalid, and names that field.
func otherUID(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return false
	}
	if apierrors.IsConflict(err) {
		return strings.Contains(status.Status().Message, "UID in precondition")
	}
	if !apierrors.IsInvalid(err) || status.Status().Details == nil {
		return false
	}
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == "metadata.uid" {
			return true
		}
	}
	return false
}

// describe is a failure's reason word and message for the report.
func describe(err error) (reason, message string) {
	reason = string(apierrors.ReasonForError(err))
	if reason == string(metav1.StatusReasonUnknown) {
		reason = "Unreachable"
		if isStatus(err) {
			reason = "Unknown"
		}
	}
	const longest = 1024
	message = err.Error()
	if len(message) > longest {
		message = strings.ToValidUTF8(message[:longest], "") + "…"
	}
	return reason, message
}
