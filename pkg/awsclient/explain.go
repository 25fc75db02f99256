package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
)

// Explain returns an *Error that names the operation and the object once, and the missing permission. It returns nil
// for nil, err if it is explained already, and an error wrapping context.Canceled if the context was canceled.
func Explain(err error, op Operation) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", op.Name, context.Canceled)
	}
	code, message := apiError(err)
	subject := op.Name
	if op.Resource != "" {
		subject += " of " + op.Resource
	}
	d := classify(err, op, code, message)
	e := &Error{Operation: op, err: err, Kind: d.kind, hint: d.hint}
	switch {
	case e.Kind == KindAccessDenied:
		resource := cmp.Or(op.Resource, "*")
		e.message = fmt.Sprintf("access denied: %s on %s is not allowed", op.Action, resource)
		e.hint = fmt.Sprintf("allow %s on %s, or use another principal: --profile or --role-arn", op.Action, resource)
		if DeniedByOrganization(err) {
			e.hint = fmt.Sprintf("allow %s on %s in the service control policies of the organization: no permission of the "+
				"caller overrides an explicit deny there", op.Action, resource)
		}
	case d.clause != "":
		e.message = subject + ": " + d.clause
	case code == "":
		e.message = subject + ": " + innermost(err)
		return e
	default:
		e.message = subject + ": " + strings.TrimSuffix(code+": "+message, ": ")
		return e
	}
	if message != "" && d.kind != KindUnreachable {
		e.message += " (AWS: " + message + ")"
	}
	return e
}

// apiError returns the code and the message of AWS; both are empty if err is not an error of AWS.
func apiError(err error) (code, message string) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return "", ""
	}
	return api.ErrorCode(), strings.TrimSpace(api.ErrorMessage())
}

// diagnosis is what the user can do about an error. clause replaces the code and message of AWS; it may be empty.
type diagnosis struct {
	kind         Kind
	clause, hint string
}

func classify(err error, op Operation, code, message string) diagnosis {
	if d, found := transportDiagnosis(err, code); found {
		return d
	}
	if d, found := codeDiagnosis(op, code, message); found {
		return d
	}
	return statusDiagnosis(err)
}

// codeDiagnosis classifies an error code of AWS.
func codeDiagnosis(op Operation, code, message string) (d diagnosis, found bool) {
	lower := strings.ToLower(message)
	switch code {
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "AuthorizationError":
		d.kind = KindAccessDenied
	case "RequestTimeTooSkewed", "RequestExpired":
		d = clockDiagnosis()
	case "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken":
		if strings.Contains(lower, "signature expired") || strings.Contains(lower, "not yet current") {
			return clockDiagnosis(), true
		}
		d = diagnosis{kind: KindBadCredentials,
			hint: "check the credentials (aws sts get-caller-identity) and the clock of this computer"}
	case "ExpiredTokenException", "ExpiredToken":
		d = diagnosis{kind: KindExpiredCredentials, hint: "renew the credentials, for instance with aws sso login"}
	case "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure":
		d = diagnosis{kind: KindBadCredentials, hint: "check the credentials (aws sts get-caller-identity); " +
			"a region that the account has not enabled refuses all credentials, too: " +
			"aws account get-region-opt-status --region-name REGION"}
	case "OptInRequired", "RegionDisabledException":
		d = diagnosis{kind: KindRegionDisabled, clause: "the account has not enabled this region, or STS in it",
			hint: "enable it: aws account enable-region --region-name REGION"}
	case "ResourceNotFoundException", "NotFoundException", "NotFound":
		d.kind = KindNotFound
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDownException":
		d = throttleDiagnosis()
	case "LimitExceededException":
		d = throttleDiagnosis()
		if strings.HasPrefix(op.Action, "kms:") { // the other services use this code for rates
			d = diagnosis{kind: KindQuota, clause: "a quota of KMS is used up",
				hint: "ask for a higher quota: Service Quotas, AWS Key Management Service"}
		}
	default:
		d.kind = KindNotFound
		return d, code == "ClientException" && strings.HasPrefix(lower, "no cluster found")
	}
	return d, true
}

func clockDiagnosis() diagnosis {
	return diagnosis{kind: KindBadCredentials, clause: "the clock of this computer differs from that of AWS",
		hint: "set the clock, for instance with timedatectl set-ntp true"}
}

func throttleDiagnosis() diagnosis {
	return diagnosis{kind: KindThrottled, hint: "AWS throttles this account: try again in a minute"}
}
