package rewriter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

var (
	// errNoResponse means that the server has not responded for too long.
	errNoResponse = errors.New("no conclusive response from the API server")
	// errUnexpectedKind means that the response is of another kind than requested. It
	// may contain values, so the rest of it is not read.
	errUnexpectedKind = errors.New("the API server did not return names only")
)

func noResponse(silence time.Duration, err error) error {
	return hint.Wrap(fmt.Errorf("%w for %s: %w", errNoResponse, silence.Round(time.Second), err),
		"run it again when `kubectl get --raw /readyz` succeeds")
}

// outcome is the outcome of one no-op write.
type outcome int

const (
	unchanged  outcome = iota // the storage had nothing to write: the object is current
	written                   // the storage wrote the object
	deleted                   // there is no object of that name
	conflicted                // written by another client since it was listed
	retryable                 // transient failure
	rejected                  // permanent failure
	forbidden                 // forbidden by RBAC
)

// classify returns the outcome of a write. known is a resourceVersion that the object
// had or that was not below its own; after is that of the response. Versions grow with
// every write of the storage, so one that is not above known means that there was none.
func classify(known, after uint64, err error) outcome {
	switch {
	case err == nil && after <= known:
		return unchanged
	case err == nil:
		return written
	case objectNotFound(err):
		return deleted
	case apierrors.IsConflict(err):
		return conflicted
	case transient(err):
		return retryable
	case forbiddenByRBAC(err):
		return forbidden
	}
	return rejected
}

// statusOf returns the Status that the API server responded with, or nil if err is
// not such a response.
func statusOf(err error) *metav1.Status {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return nil
	}
	s := status.Status()
	return &s
}

// isStatus reports whether err is a response of the API server, rather than a failed
// connection.
func isStatus(err error) bool { return statusOf(err) != nil }

// objectNotFound reports whether the API server has no object of that name. Any other
// 404, such as an unknown path or the page of a proxy, does not count.
func objectNotFound(err error) bool {
	status := statusOf(err)
	return apierrors.IsNotFound(err) && status.Details != nil && status.Details.Name != ""
}

// transient reports whether the request may succeed later: too many requests, a
// server that is starting, stopping or broken, a credential that is being renewed, a
// broken connection.
func transient(err error) bool {
	if noSpace(err) || keyUnknown(err) {
		return false
	}
	if status := statusOf(err); status != nil {
		return status.Code == http.StatusTooManyRequests || status.Code == http.StatusUnauthorized ||
			status.Code >= http.StatusInternalServerError && status.Code != http.StatusNotImplemented
	}
	var certificate *tls.CertificateVerificationError
	return err != nil && !errors.Is(err, errUnexpectedKind) && !errors.As(err, &certificate) &&
		!errors.Is(err, context.Canceled)
}

// keyUnknown reports whether the API server has no provider for the key of an object.
// Trying again does not help: the server reads its providers only when it starts or
// reloads its configuration.
func keyUnknown(err error) bool {
	return err != nil && strings.Contains(err.Error(), "no matching prefix found")
}

// overloaded reports whether err asks for fewer requests.
func overloaded(err error) bool {
	return transient(err) && !apierrors.IsInternalError(err)
}

// forbiddenByRBAC reports whether the authorizer forbade the request. Admission
// plugins return Forbidden as well, with another message (apierrors.NewForbidden in
// the authorization filter).
func forbiddenByRBAC(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "is forbidden: User ") &&
		strings.Contains(err.Error(), " resource ")
}

// isUndecryptable reports whether a list failed because the storage contains objects
// that cannot be decrypted or decoded. Before Kubernetes 1.37 the message names the
// first of them. Since then the causes name up to 100
// (AllowUnsafeMalformedObjectDeletion).
func isUndecryptable(err error) bool {
	status := statusOf(err)
	return status != nil && status.Code == http.StatusInternalServerError &&
		(status.Reason == metav1.StatusReasonStoreReadError ||
			strings.Contains(status.Message, "unable to transform key"))
}

// undecryptableObjects returns the namespace and name of each object that an
// undecryptable error names.
func undecryptableObjects(err error, namespaced bool) [][2]string {
	status := statusOf(err)
	if status == nil {
		return nil
	}
	var keys []string
	if status.Details != nil {
		for _, cause := range status.Details.Causes {
			if strings.HasPrefix(cause.Field, "/") {
				keys = append(keys, cause.Field)
			}
		}
	}
	if len(keys) == 0 {
		for _, match := range regexp.MustCompile(`[Kk]ey:? "?(/[^\s",]+)`).FindAllStringSubmatch(status.Message, -1) {
			keys = append(keys, match[1])
		}
	}
	var names [][2]string
	for _, key := range keys {
		parts := strings.Split(key, "/")
		n := len(parts)
		switch {
		case namespaced && n >= 3:
			names = append(names, [2]string{parts[n-2], parts[n-1]})
		case !namespaced && n >= 2:
			names = append(names, [2]string{"", parts[n-1]})
		}
	}
	return names
}

// explain names the missing permission if the authorizer forbade a request.
func explain(err error, verb string, s scope) error {
	if forbiddenByRBAC(err) {
		err = fmt.Errorf("the Kubernetes user is not allowed to %s %s %s: %w",
			verb, s.resource, where(s.namespace), err)
		return hint.Wrap(err, "`kubectl eks-encrypt generate rbac` prints the required role")
	}
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("the API server rejected the credentials: %w", err)
	}
	return err
}

// describe returns the reason and the message of a failure for the report.
func describe(err error) (reason, message string) {
	reason = string(apierrors.ReasonForError(err))
	if reason == string(metav1.StatusReasonUnknown) {
		reason = "Unreachable"
		if isStatus(err) {
			reason = "Unknown"
		}
	}
	const maxLength = 1024
	message = err.Error()
	if len(message) > maxLength {
		message = strings.ToValidUTF8(message[:maxLength], "") + "…"
	}
	return reason, message
}

const (
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second
	maxDelay   = 30 * time.Second // that a server, or a proxy in front of it, may request
)

// pause returns how long to wait before the next attempt. It doubles from 200 ms to
// 5 s. jitter in [0, 1) spreads it over its upper half. It is never shorter than the
// delay that the server requested, up to 30 s.
func pause(attempt int, err error, jitter float64) time.Duration {
	d := min(firstPause<<min(attempt, 5), maxPause)
	d = d/2 + time.Duration(float64(d/2)*jitter)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		requested := min(time.Duration(seconds)*time.Second, maxDelay)
		d = max(d, requested+time.Duration(float64(requested)*jitter/4))
	}
	return d
}
