package kms

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Administration is who can change a key policy.
type Administration struct {
	// ByAccount states whether the IAM policies of the key's account decide about it.
	ByAccount truth
	// Principals are the users and roles that the policy names for it. Deleted are the ids of principals that no longer
	// exist: IAM puts an id in place of their ARN.
	Principals, Deleted []string
	// Doubts describes the statements that could not be evaluated.
	Doubts []string

	account Statement
}

// principalID matches the id of a user or role.
var principalID = regexp.MustCompile(`^(AIDA|AROA)[A-Z0-9]{8,}$`)

// administration evaluates kms:PutKeyPolicy for the account and for those that the policy names.
func (p readPolicy) administration(keyARN string) Administration {
	key, _ := arn.Parse(keyARN)
	a := Administration{account: AccountStatement(key.Partition, key.AccountID)}
	one := func(value string) fact { return fact{values: []string{value}} }
	q := request{
		action: putKeyPolicy, keyARN: keyARN, principal: a.account.Principal["AWS"], facts: map[string]fact{
			"aws:securetransport": one("true"), "aws:principalisawsservice": one("false"),
			"aws:principalaccount": one(key.AccountID), "kms:calleraccount": one(key.AccountID),
			"aws:requestedregion": one(key.Region), "kms:viaservice": {absent: true},
		},
	}
	of := p.outcome(q)
	a.ByAccount = of.allowed()
	a.Doubts = slices.Concat(of.mayAllow, of.mayDeny)
	for _, s := range p.Statement {
		if applies, _ := s.concerns(request{action: putKeyPolicy, keyARN: keyARN}); s.Effect != "Allow" || applies == no {
			continue
		}
		for _, name := range s.Principal["AWS"] {
			named, err := arn.Parse(name)
			switch {
			case principalID.MatchString(name):
				a.Deleted = append(a.Deleted, name)
			case err == nil && named.AccountID == key.AccountID && named.Resource != "root":
				a.Principals = append(a.Principals, name)
			}
		}
	}
	a.Principals, a.Deleted = distinct(a.Principals), distinct(a.Deleted)
	return a
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// AdministrationCheckName is the name of Administration.Check.
const AdministrationCheckName = "key policy and its account"

const lockout = "the IAM policies of the key's account do not count for this key: " +
	"no statement is for the account's root"

// Check returns the check for a lockout. unread is why the policy is unknown; "" if it was read.
func (a Administration) Check(unread string) v1alpha1.Check {
	c := v1alpha1.Check{
		Name: AdministrationCheckName, Result: v1alpha1.ResultPass,
		Message: "the account can always change the key policy, through its IAM policies",
	}
	gone := ""
	if len(a.Deleted) > 0 {
		gone = "; it names principals that were deleted: " + strings.Join(a.Deleted, ", ")
	}
	switch {
	case unread != "":
		c.Result, c.Message = v1alpha1.ResultUnknown, "cannot read the key policy: "+unread
	case a.ByAccount == yes:
	case a.ByAccount == unsure:
		c.Result, c.Message = v1alpha1.ResultUnknown, strings.Join(a.Doubts, "; ")
	case len(a.Principals) > 0:
		c.Result, c.Remedy, c.Statements = v1alpha1.ResultWarn, "one of them adds this statement to the key policy",
			[]Statement{a.account}
		c.Message = lockout + "; only these can change its policy, and once they are deleted, only AWS Support can: " +
			strings.Join(a.Principals, ", ") + gone
	default:
		c.Result, c.Statements = v1alpha1.ResultWarn, []Statement{a.account}
		c.Message = lockout + ", and no existing principal may change its policy" + gone
		c.Remedy = "ask AWS Support to add this statement to the key policy, or use another key"
	}
	return c
}
