package awsclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func explainConfig(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	e := &Error{Kind: KindConfig, err: err, message: "read the AWS configuration: " + err.Error()}
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		e.message = fmt.Sprintf("the AWS profile %q does not exist", missing.Profile)
		e.hint = "aws configure list-profiles"
	}
	return e
}

// explainCredentials returns an *Error about the source that failed, which may be one that another builds on.
func (p *principal) explainCredentials(err error) error {
	s := p.source
	var failed *sourceError
	if errors.As(err, &failed) {
		s, err = failed.source, failed.err
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if errors.Is(err, errNoTerminal) {
		return &Error{Kind: KindNoCredentials, err: err,
			message: fmt.Sprintf("the AWS profile %q needs an MFA code, and there is no terminal to enter it", s.profile),
			hint:    "get a session first, and pass its keys in the environment: aws sts get-session-token"}
	}
	switch s.kind {
	case fromSSO:
		return explainSSO(s, err)
	case fromLogin:
		return explainLogin(s, err)
	case fromRole, fromFlagRole:
		return explainRole(s, err)
	case fromWebIdentity:
		return explainWebIdentity(s, err)
	case fromProcess:
		return &Error{Kind: KindNoCredentials, err: err,
			message: fmt.Sprintf("the credential_process of the AWS profile %q %s", s.profile, processCause(err)),
			hint:    "run it by hand: " + CLI{Profile: s.profile}.Command("configure", "get", "credential_process")}
	case fromContainer:
		return &Error{Kind: KindNoCredentials, err: err,
			message: "no AWS credentials from the container's agent: " + credentialCause(err),
			hint:    "check the pod's Pod Identity association, or the task's role"}
	case fromMetadata:
		return p.explainMetadata(s, err)
	}
	return &Error{Kind: KindNoCredentials, err: err, message: "no AWS credentials: " + credentialCause(err),
		hint: "aws configure, or pass --profile"}
}

func explainSSO(s *source, err error) error {
	e := &Error{Kind: KindExpiredCredentials, err: err, hint: CLI{Profile: s.profile}.Command("sso", "login")}
	session := fmt.Sprintf("the SSO session of the AWS profile %q", s.profile)
	code, message := apiError(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.message = session + " does not exist: there was no login on this computer"
	case code == "ForbiddenException" || code == "ResourceNotFoundException":
		e.Kind = KindAccessDenied
		e.message = fmt.Sprintf("IAM Identity Center refuses the role %q in account %s to the user of the profile %q: %s",
			s.shared.SSORoleName, s.shared.SSOAccountID, s.profile, message)
		e.hint = "ask for an assignment of this permission set to the account, or use another --profile"
	case code == "InvalidGrantException" || code == "InvalidClientException" || code == "ExpiredTokenException" ||
		code == "InvalidRequestException":
		e.message = session + " has expired, and IAM Identity Center does not renew it"
	case code == "UnauthorizedException" || code == "" && !isNetwork(err) && !isTimeout(err):
		e.message = session + " has expired"
	default:
		return Explain(err, Operation{
			Name: "GetRoleCredentials", Action: "sso:GetRoleCredentials", Resource: s.shared.SSORoleName,
		})
	}
	return e
}

func explainLogin(s *source, err error) error {
	code, _ := apiError(err)
	if code != "" || isNetwork(err) || isTimeout(err) {
		err = Explain(err, Operation{Name: "CreateOAuth2Token", Action: "signin:CreateOAuth2Token"})
		if KindOf(err) != KindInvalid {
			return err
		}
	}
	return &Error{Kind: KindExpiredCredentials, err: err, hint: CLI{Profile: s.profile}.Command("login"),
		message: fmt.Sprintf("the login session of the AWS profile %q cannot be used: %s", s.profile, credentialCause(err))}
}

func explainRole(s *source, err error) error {
	code, message := apiError(err)
	with := fmt.Sprintf("--role-arn, with %s", s.base)
	if s.kind == fromRole {
		with = fmt.Sprintf("profile %q", s.profile)
	}
	switch {
	case code == "AccessDenied" && strings.Contains(message, "MultiFactorAuthentication"):
		return &Error{Kind: KindBadCredentials, err: err,
			message: fmt.Sprintf("AWS refuses the MFA code for the role %s (%s): %s", s.role, with, message),
			hint:    "wait for the next code: AWS accepts each code once"}
	case code == "AccessDenied":
		return &Error{Kind: KindAccessDenied, err: err, Operation: assumeRoleOperation(s),
			message: fmt.Sprintf("access denied: sts:AssumeRole on %s is not allowed (%s) (AWS: %s)", s.role, with, message),
			hint: fmt.Sprintf("allow sts:AssumeRole on %s, and name the caller in the role's trust policy; "+
				"if that demands an external ID, pass --external-id with --role-arn", s.role)}
	case strings.HasPrefix(code, "ExpiredToken"):
		return &Error{Kind: KindExpiredCredentials, err: err, hint: renewal(s.base),
			message: fmt.Sprintf("the credentials that assume the role %s have expired: %s", s.role, s.base)}
	}
	return Explain(err, assumeRoleOperation(s))
}

func assumeRoleOperation(s *source) Operation {
	return Operation{Name: "AssumeRole", Action: "sts:AssumeRole", Resource: s.role}
}

// renewal returns the command that renews the credentials of a source.
func renewal(s *source) string {
	switch s.kind {
	case fromSSO:
		return CLI{Profile: s.profile}.Command("sso", "login")
	case fromLogin:
		return CLI{Profile: s.profile}.Command("login")
	case fromEnvironment:
		return "set new keys in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
	case fromRole, fromFlagRole:
		return renewal(s.base)
	}
	return "renew the credentials of the AWS profile, for instance with aws sso login"
}

func explainWebIdentity(s *source, err error) error {
	if code, _ := apiError(err); code != "" || isNetwork(err) || isTimeout(err) {
		return Explain(err, Operation{
			Name: "AssumeRoleWithWebIdentity", Action: "sts:AssumeRoleWithWebIdentity", Resource: s.role})
	}
	return &Error{Kind: KindNoCredentials, err: err, message: "read the web identity token: " + credentialCause(err),
		hint: "check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile"}
}

// processCause describes a failed credential_process. It never repeats the output, which may contain a secret.
func processCause(err error) string {
	var exit *exec.ExitError
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "did not end in time"
	case errors.As(err, &exit):
		return "failed: " + exit.Error()
	case errors.As(err, &syntax), errors.As(err, &wrongType), strings.Contains(err.Error(), "parse failed"):
		return "did not print credentials as JSON"
	}
	return "failed: " + credentialCause(err)
}

// explainMetadata lists the sources that have no credentials: the instance metadata is the last one.
func (p *principal) explainMetadata(s *source, err error) error {
	e := &Error{Kind: KindNoCredentials, err: err, hint: "aws configure, or pass --profile (aws configure list-profiles)"}
	last := "the instance metadata of EC2 does not respond"
	var answer *smithyhttp.ResponseError
	switch {
	case p.env.metadataDisabled():
		last = "AWS_EC2_METADATA_DISABLED turns off the instance metadata of EC2"
	case errors.As(err, &answer):
		last = "the instance metadata of EC2 names no role: " + answer.Err.Error()
	}
	if s != p.source {
		e.message = fmt.Sprintf("no AWS credentials for %s: %s", p.source, last)
		return e
	}
	tried := fmt.Sprintf("the profile %q", p.shared.Profile)
	if p.options.Profile == "" {
		tried = "the environment and " + tried
	}
	e.message = fmt.Sprintf("no AWS credentials: tried %s; %s", tried, last)
	return e
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
