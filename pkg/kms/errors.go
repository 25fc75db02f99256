package kms

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// explain returns err with the operation, the resource and the missing permission.
func explain(err error, operation, resource string) error {
	op := awsclient.Operation{Name: operation, Action: "kms:" + operation, Resource: resource}
	return byKeyPolicy(err, awsclient.Explain(err, op), resource)
}

// code returns the error code of KMS without its namespace, or "" if KMS did not respond.
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	c := api.ErrorCode()
	return c[strings.LastIndexByte(c, '#')+1:]
}

// Gone reports whether KMS responded that the key does not exist. It knows a key only in its own region, and answers
// another account in the same way as for a key without permission.
func Gone(err error) bool {
	return code(err) == "NotFoundException" && strings.HasPrefix(message(err), "Key '") &&
		strings.Contains(message(err), "does not exist")
}

// message returns the error message of KMS, or the text of err if KMS did not respond.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

// denied reports whether the caller lacks a permission.
func denied(err error) bool {
	c := code(err)
	return c == "AccessDeniedException" || c == "AccessDenied"
}

// deniedByIAM reports whether a statement other than one of the key's policy denies the call.
func deniedByIAM(err error) bool {
	return strings.Contains(message(err), "explicit deny") && !strings.Contains(message(err), "resource-based policy")
}
