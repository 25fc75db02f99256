package kms

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Decision is what a key policy means for an action.
type Decision int

// The decisions.
const (
	Undecided  Decision = iota // a part of the policy could not be evaluated
	Refused                    // the policy denies the action, or no statement allows it
	LeftToIAM                  // the policy leaves it to the IAM policies of the account
	AllowedKey                 // the policy itself allows it
)

// RoleAccess is what a key policy allows the role of a cluster.
type RoleAccess struct {
	// Role is its ARN; empty if it is unknown.
	Role string
	// Decisions are by action, for RoleActions.
	Decisions map[string]Decision
	// Denials describes the statements that deny an action, Doubts those that could not be evaluated.
	Denials, Doubts []string
}

// roleAccess evaluates the policy for what EKS does as the cluster's role. Where such calls come from is not
// documented, so conditions on the service and on the network are unknown.
func (p readPolicy) roleAccess(keyARN, role string) RoleAccess {
	access := RoleAccess{Role: role}
	if role == "" {
		return access
	}
	access.Decisions = map[string]Decision{}
	named, _ := arn.Parse(role)
	key, _ := arn.Parse(keyARN)
	one := func(value string) fact { return fact{values: []string{value}} }
	q := request{keyARN: keyARN, principal: role, facts: map[string]fact{
		"aws:securetransport": one("true"), "aws:principalisawsservice": one("false"), "aws:principalarn": one(role),
		"aws:principalaccount": one(named.AccountID), "kms:calleraccount": one(named.AccountID),
	}}
	for _, action := range RoleActions() {
		q.action = action
		q.byName = false
		all := p.outcome(q)
		q.byName = true
		byName := p.outcome(q)
		decision := Undecided
		switch {
		case all.allowed() == no:
			decision = Refused
		case byName.allowed() == yes && named.AccountID == key.AccountID:
			decision = AllowedKey
		case all.allowed() == yes:
			decision = LeftToIAM
		}
		access.Decisions[action] = decision
		if action != createGrant {
			access.Denials = append(access.Denials, all.denied...)
			if decision == Undecided {
				access.Doubts = append(append(access.Doubts, all.mayAllow...), all.mayDeny...)
			}
		}
	}
	return access
}

// Refuses returns the actions that the policy refuses, in the order of RoleActions.
func (a RoleAccess) Refuses() (actions []string) {
	for _, action := range RoleActions() {
		if a.Decisions[action] == Refused && a.Decisions != nil {
			actions = append(actions, action)
		}
	}
	return actions
}

// ShutsOut reports whether the policy refuses what EKS is known to do as the role.
func (a RoleAccess) ShutsOut() bool {
	return a.Decisions["kms:DescribeKey"] == Refused || a.Decisions[listGrants] == Refused
}

const (
	// RoleCheckName is the name of RoleAccess.Check.
	RoleCheckName = "key policy and cluster role"
	addStatement  = "add this statement to the key policy"
	// denialRemedy is for a statement that denies: no other statement overrides it.
	denialRemedy = "change the statement that denies it: no other statement can override it"
)

// Check returns the check of the cluster's role. unread is why the policy is unknown; "" if it was read.
func (a RoleAccess) Check(unread string) v1alpha1.Check {
	c := v1alpha1.Check{Name: RoleCheckName, Result: v1alpha1.ResultUnknown}
	switch {
	case a.Role == "":
		c.Message = "the cluster's role is unknown"
	case unread != "":
		c.Message = "cannot read the key policy: " + unread
	case a.ShutsOut():
		c.Result, c.Remedy = v1alpha1.ResultWarn, addStatement
		c.Message = fmt.Sprintf("it does not allow the cluster's role %s %s; EKS calls kms:ListGrants every hour as this "+
			"role, so CloudTrail will show AccessDenied, and EKS may refuse updates of the cluster with \"Role … could not "+
			"be assumed\"", a.Role, strings.Join(a.Refuses(), ", "))
		c.Statements = []Statement{RoleStatement(a.Role)}
		if len(a.Denials) > 0 {
			c.Remedy, c.Statements = denialRemedy, nil
			c.Message += ": " + strings.Join(a.Denials, "; ")
		}
	case len(a.Doubts) > 0:
		c.Message = strings.Join(a.Doubts, "; ")
	case a.Decisions["kms:DescribeKey"] == AllowedKey && a.Decisions[listGrants] == AllowedKey:
		c.Result, c.Message = v1alpha1.ResultPass, fmt.Sprintf("it allows the cluster's role %s kms:DescribeKey and "+
			"kms:ListGrants, which the hourly health check of EKS calls", a.Role)
	default:
		c.Result, c.Message = v1alpha1.ResultPass, fmt.Sprintf("it leaves the cluster's role %s to IAM policies, which "+
			"were not read; the hourly health check of EKS needs kms:ListGrants there", a.Role)
	}
	return c
}
