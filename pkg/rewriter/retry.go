package rewriter

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	firstPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
)

// pause is how long to wait before the next try: doubling from 200 ms to 5 s, with
// jitter in [0, 1) spread over the upper half, and never less than the server asked.
func pause(attempt int, err error, jitter float64) time.Duration {
	d := longPause
	if attempt < 5 {
		d = min(firstPause<<attempt, longPause)
	}
	d = d/2 + time.Duration(float64(d/2)*jitter)
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		asked := time.Duration(seconds) * time.Second
		d = max(d, asked+time.Duration(float64(asked)*jitter/4))
	}
	return d
}

// transient tells errors that may pass by themselves: too many requests, a server
// that is starting, stopping or broken, a credential that is being renewed, a
// connection that broke.
func transient(err error) bool {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusTooManyRequests || code == http.StatusUnauthorized ||
			code >= http.StatusInternalServerError && code != http.StatusNotImplemented
	}
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil, errors.Is(err, errForeignKind), errors.As(err, &certificate):
		return false
	case errors.Is(err, context.Canceled):
		return false
	}
	return true
}

// isStatus tells an answer of the API server from a connection that failed.
func isStatus(err error) bool {
	status := apierrors.APIStatus(nil)
	return errors.As(err, &status)
}

// maybeDone tells the transient errors that leave open whether the request was
// carried out.
func maybeDone(err error) bool {
	return !isStatus(err) || !apierrors.IsTooManyRequests(err) && !apierrors.IsUnauthorized(err)
}

// overloaded tells the answers that ask for fewer requests.
func overloaded(err error) bool {
	return transient(err) && !apierrors.IsInternalError(err)
}

// missingRight tells a refusal of the authorizer from one of an admission plugin,
// which is Forbidden as well (apierrors.NewForbidden in the authorization filter).
func missingRight(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "is forbidden: User ") && strings.Contains(err.Error(), " resource ")
}

// undecryptable tells a list that failed because the storage holds objects that
// cannot be decrypted or decoded, from any other failure. Before 1.37 the first
// one is named in the message, since then up to 100 are in the causes
// (AllowUnsafeMalformedObjectDeletion).
func undecryptable(err error) bool {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || status.Status().Code != http.StatusInternalServerError {
		return false
	}
	return status.Status().Reason == metav1.StatusReasonStoreReadError ||
		strings.Contains(status.Status().Message, "unable to transform key")
}

var storageKey = regexp.MustCompile(`[Kk]ey:? "?(/[^\s",]+)`)

// culprits are the objects that an undecryptable error names: namespace and name.
func culprits(err error, namespaced bool) [][2]string {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return nil
	}
	var keys []string
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			if strings.HasPrefix(cause.Field, "/") {
				keys = append(keys, cause.Field)
			}
		}
	}
	if len(keys) == 0 {
		for _, match := range storageKey.FindAllStringSubmatch(status.Status().Message, -1) {
			keys = append(keys, match[1])
		}
	}
	var named [][2]string
	for _, key := range keys {
		parts := strings.Split(key, "/")
		n := len(parts)
		switch {
		case namespaced && n >= 3:
			named = append(named, [2]string{parts[n-2], parts[n-1]})
		case !namespaced && n >= 2:
			named = append(named, [2]string{"", parts[n-1]})
		}
	}
	return named
}
