package kms

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// RoleFinder returns the ARN of a role of the caller's account, with its path.
type RoleFinder interface {
	RoleARN(ctx context.Context, name string) (string, error)
}

// Principal returns the principal that a policy can name for a caller's ARN from STS. The ARN of a role session does
// not contain the path of the role, so it asks IAM. If that fails, the role is assumed to have no path, and note says
// how to check it; but a role of IAM Identity Center always has one, so for such a role Principal fails.
func Principal(ctx context.Context, roles RoleFinder, caller string) (principal, note string, err error) {
	name := sessionRole(caller)
	guess, ok := PolicyPrincipal(caller)
	switch {
	case name == "" && ok:
		return guess, "", nil
	case name == "":
		return "", "", hint.Wrap(fmt.Errorf("could not determine the role of %s", caller),
			"name a user or role with --principal ARN")
	}
	find := "aws iam get-role --role-name " + name + " --query Role.Arn --output text"
	found, err := roles.RoleARN(ctx, name)
	switch {
	case ctx.Err() != nil:
		return "", "", context.Cause(ctx)
	case err == nil && found != "":
		return found, "", nil
	case ok:
		return guess, fmt.Sprintf("the path of role %s is unknown, because iam:GetRole failed: check that %s is its ARN,"+
			" or pass --principal ARN. This shows the ARN: %s", name, guess, find), nil
	}
	return "", "", hint.Wrap(fmt.Errorf("could not determine the ARN of role %s, which has a path: %w", name, err),
		"pass --principal ARN; an administrator of the account finds the ARN with: %s", find)
}

// sessionRole returns the name of the role of a session's ARN, or "".
func sessionRole(caller string) string {
	a, err := arn.Parse(caller)
	rest, isSession := strings.CutPrefix(a.Resource, "assumed-role/")
	if err != nil || a.Service != "sts" || !isSession {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// CreatorActions returns the actions on a new key that its creator needs.
func CreatorActions() []string {
	return []string{"kms:CreateAlias", "kms:DescribeKey", "kms:EnableKeyRotation", "kms:PutKeyPolicy"}
}

// WithCreator returns the policy of a new key with a statement that lets its creator finish the key. KMS refuses a key
// whose creator could not change its policy, and an IAM policy would have to allow that for all keys of the account.
func (d PolicyDocument) WithCreator(creator string) PolicyDocument {
	s := Statement{
		Sid: "CreatorSetsUpThisKey", Effect: "Allow", Principal: map[string]string{"AWS": creator},
		Action: CreatorActions(), Resource: []string{"*"},
	}
	d.Statement = append(slices.Clone(d.Statement), s)
	return d
}

// principalARN is stricter than IAM, which allows nearly every character in a path: in a policy, ${ begins a variable,
// and * and ? match other characters.
var principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(` +
	`iam::[0-9]{12}:(root|(user|role)/([\w+=,.@/-]*/)?[\w+=,.@-]+)|` +
	`sts::[0-9]{12}:(assumed-role/[\w+=,.@-]+|federated-user)/[\w+=,.@-]+)$`)

// CheckPrincipal returns an error if text is not the ARN of a user, a role, a session or an account's root. A wildcard
// would let everybody use the key.
func CheckPrincipal(text string) error {
	if !principalARN.MatchString(text) {
		return fmt.Errorf("%q is not the ARN of a user or role", text)
	}
	return nil
}
