package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind says what an error means for the caller.
type Kind string

// Kinds of errors.
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
	KindInvalid            Kind = "Invalid" // AWS refuses the request as such
	KindServer             Kind = "Server"  // AWS failed
	KindConfig             Kind = "Config"
	KindOther              Kind = "Other"
)

// Operation is what was tried, for the text of an error.
type Operation struct {
	Name     string // DescribeCluster
	Action   string // eks:DescribeCluster
	Resource string // ARN or name of the object
}

// Error is a refusal in plain words. It wraps the SDK's error.
type Error struct {
	Kind      Kind
	Operation Operation
	message   string
	hint      string
	err       error
}

func (e *Error) Error() string { return e.message }
func (e *Error) Unwrap() error { return e.err }

// Hint is the next command; may be empty.
func (e *Error) Hint() string { return e.hint }

// KindOf is the kind of the error, KindOther for one that was not explained.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindOther
}

// Explain turns the SDK's error into an *Error that names the object and the
// operation once, and the action that is missing. nil stays nil, and so does the
// end of a context.
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
	code, said := "", ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, said = api.ErrorCode(), strings.TrimSpace(api.ErrorMessage())
	}
	e.Kind, e.hint = classify(err, code, said)
	switch e.Kind {
	case KindAccessDenied:
		e.message = fmt.Sprintf("access denied: %s on %s is not allowed", op.Action, orAny(op.Resource))
		e.hint = fmt.Sprintf("allow %s on %s, or act as another principal with --profile or --role-arn", op.Action, orAny(op.Resource))
	case KindTimeout:
		e.message = subject + ": no answer in time"
	case KindUnreachable:
		e.message = subject + ": the endpoint can't be reached: " + cause(err)
	default:
		e.message = subject + ": " + strings.TrimSuffix(code+": "+said, ": ")
		if code == "" {
			e.message = subject + ": " + cause(err)
		}
		return e
	}
	if said != "" {
		e.message += " (AWS says: " + said + ")"
	}
	return e
}

func classify(err error, code, said string) (Kind, string) {
	var status *smithyhttp.ResponseError
	httpStatus := 0
	if errors.As(err, &status) {
		httpStatus = status.HTTPStatusCode()
	}
	lower := strings.ToLower(said)
	switch {
	case code == "AccessDeniedException" || code == "AccessDenied" || code == "UnauthorizedOperation" || code == "AuthorizationError":
		return KindAccessDenied, ""
	case code == "ExpiredTokenException" || code == "ExpiredToken" || code == "RequestExpired":
		return KindExpiredCredentials, "renew the credentials, for instance with aws sso login"
	case code == "UnrecognizedClientException" || code == "InvalidClientTokenId" || code == "InvalidSignatureException" ||
		code == "SignatureDoesNotMatch" || code == "MissingAuthenticationToken" || code == "IncompleteSignature":
		return KindBadCredentials, "check whose keys they are: aws sts get-caller-identity (a wrong clock has the same effect)"
	case code == "ResourceNotFoundException" || code == "NotFoundException" || code == "NotFound",
		code == "ClientException" && strings.HasPrefix(lower, "no cluster found"):
		return KindNotFound, ""
	case code == "ThrottlingException" || code == "Throttling" || code == "TooManyRequestsException" ||
		code == "RequestLimitExceeded" || code == "LimitExceededException" || httpStatus == http.StatusTooManyRequests:
		return KindThrottled, "AWS throttles this account: try again in a minute"
	case isTimeout(err):
		return KindTimeout, "try again, or allow more with --request-timeout"
	case httpStatus == 0 && isNetwork(err):
		return KindUnreachable, "check the network, the region, and AWS_ENDPOINT_URL if it is set"
	case httpStatus >= 500:
		return KindServer, "AWS has trouble: try again in a minute"
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

// cause is the innermost error that still says something: the layers above it
// repeat the operation and the request's id.
func cause(err error) string {
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

func orAny(resource string) string {
	if resource == "" {
		return "*"
	}
	return resource
}

var errNoProvider = errors.New("no credential provider")

func (o *Options) explainConfig(err error) error {
	e := &Error{Kind: KindConfig, err: err, message: "reading the AWS configuration: " + err.Error()}
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		e.message = fmt.Sprintf("the AWS profile %q does not exist", missing.Profile)
		e.hint = "aws configure list-profiles"
	}
	return e
}

// explainCredentials says what was tried; a person at 3 a.m. must not guess.
func (o *Options) explainCredentials(cfg aws.Config, err error) error {
	profile := first(o.Profile, o.getenv("AWS_PROFILE"), "default")
	login := "aws sso login --profile " + profile
	e := &Error{Kind: KindNoCredentials, err: err}
	var sso *ssocreds.InvalidTokenError
	var mfa config.AssumeRoleTokenProviderNotSetError
	var api smithy.APIError
	switch {
	case errors.As(err, &sso):
		e.Kind, e.hint = KindExpiredCredentials, login
		e.message = fmt.Sprintf("the SSO session of the AWS profile %q has expired or was never begun", profile)
	case errors.As(err, &mfa):
		e.message = fmt.Sprintf("the AWS profile %q asks for an MFA code, and there is no terminal to ask on", profile)
		e.hint = "get a session first, and pass its keys in the environment"
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case o.RoleARN != "" && errors.As(err, &api):
		return Explain(err, Operation{Name: "AssumeRole", Action: "sts:AssumeRole", Resource: o.RoleARN})
	case errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "ExpiredToken"):
		e.Kind, e.hint = KindExpiredCredentials, login
		e.message = fmt.Sprintf("the AWS credentials of the profile %q have expired: %s", profile, api.ErrorMessage())
	default:
		e.message = "no AWS credentials: tried " + strings.Join(o.tried(cfg), ", ") + ": " + short(err)
		e.hint = "aws configure, aws sso login --profile P, or pass --profile"
	}
	return e
}

func (o *Options) tried(aws.Config) []string {
	var tried []string
	if o.Profile == "" {
		tried = append(tried, "the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE)")
	}
	tried = append(tried, fmt.Sprintf("the profile %q", first(o.Profile, o.getenv("AWS_PROFILE"), "default")))
	if o.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")+o.getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "" {
		tried = append(tried, "the container's credentials")
	}
	if strings.EqualFold(o.getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return append(tried, "not the instance metadata, which AWS_EC2_METADATA_DISABLED forbids")
	}
	return append(tried, "the instance metadata of EC2 (for one second)")
}

func short(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "failed to refresh cached credentials, "); i >= 0 {
		text = text[i+len("failed to refresh cached credentials, "):]
	}
	return text
}
