package awsclient

import (
	"errors"
	"strings"
)

// Kind classifies an error by what the user can do about it.
type Kind string

// The kinds of errors.
const (
	KindAccessDenied       Kind = "AccessDenied"
	KindNotFound           Kind = "NotFound"
	KindThrottled          Kind = "Throttled"
	KindQuota              Kind = "Quota" // of keys or grants
	KindNoCredentials      Kind = "NoCredentials"
	KindExpiredCredentials Kind = "ExpiredCredentials"
	KindBadCredentials     Kind = "BadCredentials"
	KindNoRegion           Kind = "NoRegion"
	KindRegionDisabled     Kind = "RegionDisabled" // the account has not enabled the region
	KindTimeout            Kind = "Timeout"
	KindUnreachable        Kind = "Unreachable" // also if something other than AWS responds
	KindInvalid            Kind = "Invalid"     // AWS rejected the request
	KindServer             Kind = "Server"      // AWS failed
	KindConfig             Kind = "Config"
	KindOther              Kind = "Other"
)

// Operation describes a call, for the text of its error.
type Operation struct {
	Name     string // DescribeCluster
	Action   string // eks:DescribeCluster
	Resource string // ARN or name of the object
}

// Error is the explanation of an SDK error, which it wraps.
type Error struct {
	Kind      Kind
	Operation Operation
	message   string
	hint      string
	err       error
}

func (e *Error) Error() string { return e.message }
func (e *Error) Unwrap() error { return e.err }

// Hint returns the next step, or "".
func (e *Error) Hint() string { return e.hint }

// KindOf returns the kind of err, or KindOther if err contains no *Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindOther
}

// DeniedByOrganization reports whether a service control policy of the organization denies the call. No permission of
// the caller can allow it then.
func DeniedByOrganization(err error) bool {
	_, message := apiError(err)
	return strings.Contains(strings.ToLower(message), "explicit deny in a service control policy")
}
