package kms

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

func isAccountID(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// includes evaluates the element Principal for the caller with this ARN, which may be empty. byName ignores the whole
// account as a principal.
func (a audience) includes(caller string, byName bool) truth {
	result := no
	for kind, names := range a {
		for _, name := range names {
			switch {
			case kind == "AWS" && byName && isAccount(name):
			case kind == "AWS":
				result = max(result, isCaller(name, caller))
			case kind == "Service" && !strings.HasPrefix(name, "eks") && name != "*":
				// another service; EKS calls KMS in the name of the caller
			default:
				result = max(result, unsure)
			}
		}
	}
	return result
}

// isAccount reports whether a principal of a policy is an account: its id, or the ARN of its root.
func isAccount(principal string) bool {
	a, err := arn.Parse(principal)
	return isAccountID(principal) || err == nil && a.Resource == "root"
}

// isCaller compares a principal of a policy with the caller. A policy names a role or an account for all its sessions
// or principals. Names of roles are unique in an account, so that the path, which the ARN of a session lacks, decides
// nothing.
func isCaller(principal, caller string) truth {
	c, err := arn.Parse(caller)
	switch {
	case principal == "*" || principal == caller && err == nil:
		return yes
	case err != nil || strings.ContainsAny(principal, "*?"):
		return unsure
	case isAccountID(principal):
		return truthOf(principal == c.AccountID)
	}
	p, err := arn.Parse(principal)
	switch {
	case principalID.MatchString(principal) && c.Resource == "root":
		return no
	case err != nil: // for example the unique id of a deleted role
		return unsure
	case p.AccountID != c.AccountID:
		return no
	case p.Resource == "root":
		return yes
	}
	kind, rest, _ := strings.Cut(c.Resource, "/")
	switch kind {
	case "assumed-role":
		role, _, _ := strings.Cut(rest, "/")
		return truthOf(strings.HasPrefix(p.Resource, "role/") && strings.HasSuffix(p.Resource, "/"+role))
	case "user", "role", "root":
		return no
	}
	return unsure
}
