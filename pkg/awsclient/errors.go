package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind classifies an error by what the user can do about it.
type Kind string

// The kinds of errors.
const (
	KindAccessDenied       Kind = "AccessDenied"
	KindNotFound           Kind = "NotFound"
	KindThrottled          Kind = "Throttled"
	KindNoCredentials      Kind = "NoCredentials"
	KindExpiredCredentials Kind = "ExpiredCredentials"
	KindBadCredentials     Kind = "BadCredentials"
	KindNoRegion           Kind = "NoRegion"
	KindTimeout            Kind = "Timeout"
	KindUnreachable        Kind = "Unreachable"
	KindInvalid            Kind = "Invalid" // AWS rejected the request
	KindServer             Kind = "Server"  // AWS failed
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
	e := &Error{Operation: op, err: err, Kind: KindOther}
	subject := op.Name
	if op.Resource != "" {
		subject += " of " + op.Resource
	}
	code, message := "", ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), strings.TrimSpace(api.ErrorMessage())
	}
	e.Kind, e.hint = classify(err, code, message)
	switch e.Kind {
	case KindAccessDenied:
		resource := cmp.Or(op.Resource, "*")
		e.message = fmt.Sprintf("access denied: %s on %s is not allowed", op.Action, resource)
		e.hint = fmt.Sprintf("allow %s on %s, or use another principal: --profile or --role-arn", op.Action, resource)
	case KindTimeout:
		e.message = subject + ": request timed out"
	case KindUnreachable:
		e.message = subject + ": cannot connect to the endpoint: " + innermost(err)
	default:
		e.message = subject + ": " + strings.TrimSuffix(code+": "+message, ": ")
		if code == "" {
			e.message = subject + ": " + innermost(err)
		}
		return e
	}
	if message != "" {
		e.message += " (AWS: " + message + ")"
	}
	return e
}

// classify returns the kind of err and a hint for it. code and message are AWS's, or empty.
func classify(err error, code, message string) (kind Kind, hint string) {
	var status *smithyhttp.ResponseError
	httpStatus := 0
	if errors.As(err, &status) {
		httpStatus = status.HTTPStatusCode()
	}
	lower := strings.ToLower(message)
	switch {
	case code == "AccessDeniedException" || code == "AccessDenied" ||
		code == "UnauthorizedOperation" || code == "AuthorizationError":
		return KindAccessDenied, ""
	case code == "ExpiredTokenException" || code == "ExpiredToken" || code == "RequestExpired":
		return KindExpiredCredentials, "renew the credentials, for instance with aws sso login"
	case code == "UnrecognizedClientException" || code == "InvalidClientTokenId" ||
		code == "InvalidSignatureException" || code == "SignatureDoesNotMatch" ||
		code == "MissingAuthenticationToken" || code == "IncompleteSignature":
		return KindBadCredentials, "check the credentials (aws sts get-caller-identity) and the clock of this computer"
	case code == "ResourceNotFoundException" || code == "NotFoundException" || code == "NotFound",
		code == "ClientException" && strings.HasPrefix(lower, "no cluster found"):
		return KindNotFound, ""
	case code == "ThrottlingException" || code == "Throttling" || code == "TooManyRequestsException" ||
		code == "RequestLimitExceeded" || code == "LimitExceededException" || httpStatus == http.StatusTooManyRequests:
		return KindThrottled, "AWS throttles this account: try again in a minute"
	case isTimeout(err):
		return KindTimeout, "try again, or set a longer --request-timeout"
	case httpStatus == 0 && isNetwork(err):
		return KindUnreachable, "check the network, the region, and AWS_ENDPOINT_URL if it is set"
	case httpStatus >= 500:
		return KindServer, "AWS failed: try again in a minute"
	case httpStatus >= 400:
		return KindInvalid, ""
	}
	return KindOther, ""
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isNetwork(err error) bool {
	var u *url.Error
	var op *net.OpError
	var send *smithyhttp.RequestSendError
	return errors.As(err, &send) || errors.As(err, &op) || errors.As(err, &u)
}

// innermost returns the text of the network error in err. The layers above it repeat the operation and the request ID.
func innermost(err error) string {
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		err = send.Err
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Sprintf("%s: %v", u.URL, u.Err)
	}
	return err.Error()
}

func (o *Options) explainConfig(err error) error {
	e := &Error{Kind: KindConfig, err: err, message: "read the AWS configuration: " + err.Error()}
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		e.message = fmt.Sprintf("the AWS profile %q does not exist", missing.Profile)
		e.hint = "aws configure list-profiles"
	}
	return e
}

// explainCredentials returns an *Error that lists the sources of credentials that were tried.
func (o *Options) explainCredentials(err error) error {
	profile := cmp.Or(o.Profile, o.getenv("AWS_PROFILE"), "default")
	login := "aws sso login --profile " + profile
	e := &Error{Kind: KindNoCredentials, err: err}
	var sso *ssocreds.InvalidTokenError
	var mfa config.AssumeRoleTokenProviderNotSetError
	var api smithy.APIError
	switch {
	case errors.As(err, &sso):
		e.Kind, e.hint = KindExpiredCredentials, login
		e.message = fmt.Sprintf("the SSO session of the AWS profile %q is missing or has expired", profile)
	case errors.As(err, &mfa):
		e.message = fmt.Sprintf("the AWS profile %q needs an MFA code, and there is no terminal to enter it", profile)
		e.hint = "get a session first, and pass its keys in the environment"
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case o.RoleARN != "" && errors.As(err, &api):
		return Explain(err, Operation{Name: "AssumeRole", Action: "sts:AssumeRole", Resource: o.RoleARN})
	case errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "ExpiredToken"):
		e.Kind, e.hint = KindExpiredCredentials, login
		e.message = fmt.Sprintf("the AWS credentials of the profile %q have expired: %s", profile, api.ErrorMessage())
	default:
		e.message = fmt.Sprintf("no AWS credentials: tried %s: %s",
			strings.Join(o.credentialSources(), ", "), credentialCause(err))
		e.hint = "aws configure, aws sso login --profile P, or pass --profile"
	}
	return e
}

// credentialSources lists what the SDK tries.
func (o *Options) credentialSources() []string {
	var tried []string
	if o.Profile == "" {
		tried = append(tried, "the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE)")
	}
	tried = append(tried, fmt.Sprintf("the profile %q", cmp.Or(o.Profile, o.getenv("AWS_PROFILE"), "default")))
	if o.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")+o.getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" {
		tried = append(tried, "the container's credentials")
	}
	if strings.EqualFold(o.getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return append(tried, "not the instance metadata, which AWS_EC2_METADATA_DISABLED turns off")
	}
	return append(tried, "the instance metadata of EC2 (for one second)")
}

// credentialCause returns the text of err without the SDK's prefix.
func credentialCause(err error) string {
	const prefix = "failed to refresh cached credentials, "
	text := err.Error()
	if i := strings.LastIndex(text, prefix); i >= 0 {
		text = text[i+len(prefix):]
	}
	return text
}
