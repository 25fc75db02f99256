package kms

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// KeyPolicyError is an AccessDenied because the key policy neither allows the caller nor leaves the decision to IAM.
// No IAM policy can help then.
type KeyPolicyError struct {
	err error
	// Statements, added to the key policy, let the account and the caller use the key.
	Statements []Statement
	caller     string
}

func (e *KeyPolicyError) Error() string { return e.err.Error() }

func (e *KeyPolicyError) Unwrap() error { return e.err }

// Hint returns the next step, with the statements.
func (e *KeyPolicyError) Hint() string { return e.Remedy() + ": " + StatementText(e.Statements) }

// Remedy returns the next step without the statements.
func (e *KeyPolicyError) Remedy() string {
	return "the key policy refuses this and does not leave it to IAM, so no IAM policy can allow it; a principal that " +
		"the key policy names, often the one that created the key, or else AWS Support, must add what follows" +
		pathNote(e.caller)
}

// refusedCaller finds the caller in the message of an AccessDenied.
var refusedCaller = regexp.MustCompile(`\bUser: (arn:\S+) is not authorized`)

// callerIn returns the ARN of the caller in an AccessDenied of KMS, or "".
func callerIn(err error) string {
	if found := refusedCaller.FindStringSubmatch(message(err)); found != nil {
		return found[1]
	}
	return ""
}

// byKeyPolicy returns err as a KeyPolicyError if its message shows that the key policy is the reason.
func byKeyPolicy(err, explained error, keyARN string) error {
	if !denied(err) || !strings.Contains(message(err), "no resource-based policy allows") {
		return explained
	}
	key, caller := keyIn(err, keyARN), callerIn(err)
	return &KeyPolicyError{err: explained, Statements: callerStatements(key, caller, true), caller: caller}
}

var refusedKey = regexp.MustCompile(`on resource: (arn:[a-z-]+:kms:\S+:key/\S+)`)

// keyIn returns the ARN of the key in the message of an AccessDenied, or else named.
func keyIn(err error, named string) string {
	if found := refusedKey.FindStringSubmatch(message(err)); found != nil {
		return found[1]
	}
	return named
}

// pathNote warns that the statement for the role of a session may lack the path of the role, which the ARN of a session
// does not contain.
func pathNote(caller string) string {
	name := sessionRole(caller)
	if _, ok := PolicyPrincipal(caller); name == "" || !ok {
		return ""
	}
	return "; if the role has a path, its ARN must contain it, which this shows: aws iam get-role --role-name " + name +
		" --query Role.Arn --output text"
}

// callerStatements returns the statements with which the caller can associate the key. lockedOut adds the one for the
// key's account. There is none for a caller whose role is unknown, such as a session of IAM Identity Center.
func callerStatements(keyARN, caller string, lockedOut bool) (statements []Statement) {
	if key, err := arn.Parse(keyARN); lockedOut && err == nil && isAccountID(key.AccountID) {
		statements = append(statements, AccountStatement(key.Partition, key.AccountID))
	}
	if principal, ok := PolicyPrincipal(caller); ok && CheckPrincipal(principal) == nil {
		statements = append(statements, CallerStatement(principal))
	}
	return statements
}

// policyNotes returns a note with the remedy if err is because of the key policy.
func policyNotes(err error) []string {
	if refused := new(KeyPolicyError); errors.As(err, &refused) {
		return []string{refused.Hint()}
	}
	return nil
}

// RoleError reports that EKS could not assume the cluster's role. Users report two causes for it: the role or its
// trust policy, and a key policy that refuses the role.
func RoleError(err error, keyARN string, access RoleAccess, unread string) error {
	name := access.Role[strings.LastIndexByte(access.Role, '/')+1:]
	trust := "check that the role exists and that its trust policy allows sts:AssumeRole to eks.amazonaws.com: " +
		"aws iam get-role --role-name " + name
	add := "add this statement to the policy of " + keyARN + ": " + StatementText([]Statement{RoleStatement(access.Role)})
	switch {
	case access.Role == "":
		return hint.Wrap(fmt.Errorf("EKS could not assume the cluster's role: %w", err), "check the role's trust policy, "+
			"and that the policy of %s allows the role %s", keyARN, strings.Join(RoleActions(), ", "))
	case access.ShutsOut() && len(access.Denials) > 0:
		return hint.Wrap(fmt.Errorf("the key policy refuses the cluster's role %s, which EKS reports as a role that it "+
			"could not assume: %s: %w", access.Role, strings.Join(access.Denials, "; "), err), denialRemedy)
	case access.ShutsOut():
		return hint.Wrap(fmt.Errorf("the key policy does not allow the cluster's role %s, which EKS reports as a role that "+
			"it could not assume: %w", access.Role, err), "%s; if the message stays, %s", add, trust)
	case unread != "":
		return hint.Wrap(fmt.Errorf("EKS could not assume the cluster's role %s, or the key policy refuses the role, which "+
			"could not be determined (%s): %w", access.Role, unread, err), "%s; or %s", trust, add)
	}
	return hint.Wrap(fmt.Errorf("EKS could not assume the cluster's role %s: %w", access.Role, err), "%s; the key policy "+
		"does not refuse the role, but if it leaves the role to IAM, the role needs %s on the key there, or %s", trust,
		strings.Join(RoleActions(), ", "), add)
}
