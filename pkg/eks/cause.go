package eks

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Cause is why EKS refused or failed an association, as far as its code and message show it.
type Cause int

// The causes. EKS has few codes of its own for them, so most come from the message.
const (
	CauseOther       Cause = iota
	CauseBusy              // another update is in progress, possibly an association
	CauseHasKey            // the cluster has a key
	CausePermission        // the caller, or EKS on its behalf, lacks a KMS permission
	CauseKeyNotFound       // EKS does not find the key, or its ARN is malformed
	CauseKeyState          // the key is disabled, pending deletion or pending import
	// CauseRole is that EKS cannot assume the cluster's role, or uses the key as that role and is refused: EKS has the
	// same message for both (containers-roadmap issue 1533).
	CauseRole
)

// Conflict reports whether another association may be the cause.
func (c Cause) Conflict() bool { return c == CauseBusy || c == CauseHasKey }

// CauseOf returns the cause of an error of AssociateEncryptionConfig, and the KMS action that is missing if the message
// names one. It is CauseOther for an error that is not from AWS.
func CauseOf(err error) (cause Cause, kmsAction string) {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return CauseOther, ""
	}
	switch code := e.ErrorCode(); code {
	case "AccessDenied", "AccessDeniedException", "ClientException", "InvalidParameterException",
		"InvalidRequestException", "ResourceInUseException":
		return CauseIn(code, e.ErrorMessage())
	}
	return CauseOther, ""
}

var (
	// The parts of an ARN and the name of a cluster must not be taken for the words of the message.
	names = regexp.MustCompile(`\barn:\S+|\bcluster:? \S+`)
	// Actions begin with a capital letter.
	kmsActionText = regexp.MustCompile(`\bkms:[A-Z][A-Za-z]+`)
)

// CauseIn returns the cause in a code and message, either of an error or of a failed update. The words are those of
// recorded messages, for example "The KeyArn in encryptionConfig provider ARN is not found." and "User not authorized
// to perform kms:CreateGrant operation".
func CauseIn(code, message string) (cause Cause, kmsAction string) {
	message = names.ReplaceAllString(message, "NAME")
	text := strings.ToLower(message)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	}
	switch {
	case has("already enabled", "already associated"):
		return CauseHasKey, ""
	case code == "ResourceInUseException", code == "InvalidRequestException" && has("currently has", "in progress"):
		return CauseBusy, ""
	case has("could not be assumed", "trusted entity is not correct"), code == "IamRoleNotFound":
		return CauseRole, ""
	case strings.HasPrefix(code, "AccessDenied"), code == "OperationNotPermitted",
		has("not authorized", "unauthorized", "access denied", "accessdenied", "not permitted", "not allowed", "permission"),
		has("grant") && !has("not found"):
		return CausePermission, kmsActionText.FindString(message)
	case has("disabled", "not enabled", "pending deletion", "pending import", "invalid state", "invalidstate"):
		return CauseKeyState, ""
	case has("not found", "does not exist", "keyarn for encryptionconfig is invalid"):
		return CauseKeyNotFound, ""
	}
	return CauseOther, ""
}
