package kms

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// PolicyIssues is what a key policy means for an association and for the cluster afterwards. If Blocking and Unknown
// are empty, the policy allows the association.
type PolicyIssues struct {
	// Blocking describes the statements that deny kms:CreateGrant, or that none allows it.
	Blocking []string
	// Unknown describes the statements whose effect on kms:CreateGrant could not be evaluated.
	Unknown []string
	// OnlyViaEKS is true if a direct call is not allowed, so that a dry run shows nothing.
	OnlyViaEKS bool
	// Statements would allow the caller to associate the key. There are none if a statement denies it: no other
	// statement overrides a denial.
	Statements []Statement
	pathNote   string
	// Role is what the policy allows the cluster's role, and Administration is who can change the policy.
	Role           RoleAccess
	Administration Administration
}

// Check returns the check of the policy. unread is why the policy is unknown; "" if it was read.
func (i PolicyIssues) Check(unread string) v1alpha1.Check {
	c := v1alpha1.Check{
		Name: "key policy", Result: v1alpha1.ResultPass, Message: "it allows the caller " + createGrant + " through EKS",
	}
	switch {
	case unread != "":
		c.Result, c.Message = v1alpha1.ResultUnknown, "cannot read the key policy: "+unread
	case len(i.Blocking) > 0:
		c.Result, c.Message = v1alpha1.ResultWarn, strings.Join(i.Blocking, "; ")
		c.Remedy, c.Statements = "see a key policy that works: kubectl eks-encrypt generate key-policy", i.Statements
		if len(i.Statements) > 0 {
			c.Remedy = "add to the key policy what follows" + i.pathNote + "; or " + c.Remedy
		}
	case len(i.Unknown) > 0:
		c.Result, c.Message = v1alpha1.ResultUnknown, strings.Join(i.Unknown, "; ")
	}
	return c
}

// Requester is the principal in whose name EKS calls KMS.
type Requester struct {
	// ARN is the caller's, from STS; it may be empty.
	ARN string
	// Region is that of the cluster.
	Region string
	// ClusterRole is the ARN of the cluster's role; empty if it is unknown.
	ClusterRole string
}

// ReadPolicyIssues reads the policy of a key and evaluates it. unread is why the policy is unknown. Most callers lack
// the permission, and KMS never returns the policy of another account's key.
func ReadPolicyIssues(ctx context.Context, api PolicyReader, keyARN string, r Requester) (issues PolicyIssues,
	unread string) {
	text, err := keyPolicy(ctx, api, keyARN)
	var policy readPolicy
	if err == nil {
		policy, err = parsePolicy(text)
	}
	if err != nil {
		return PolicyIssues{}, message(err)
	}
	return policy.issues(keyARN, r), ""
}

// issues evaluates the policy for the request that EKS sends in the name of the caller. An empty result does not mean
// that the caller is allowed: the caller's own policies also count.
func (p readPolicy) issues(keyARN string, r Requester) PolicyIssues {
	q := request{action: createGrant, keyARN: keyARN, principal: r.ARN, facts: facts(keyARN, r, true)}
	viaEKS := p.outcome(q)
	q.facts = facts(keyARN, r, false)
	direct := p.outcome(q)
	i := PolicyIssues{
		Blocking: viaEKS.denied, OnlyViaEKS: viaEKS.allowed() > no && direct.allowed() == no,
		Role: p.roleAccess(keyARN, r.ClusterRole), Administration: p.administration(keyARN),
	}
	switch viaEKS.allow {
	case no:
		if len(viaEKS.denied) == 0 {
			i.Statements, i.pathNote = callerStatements(keyARN, r.ARN, i.Administration.ByAccount == no), pathNote(r.ARN)
		}
		i.Blocking = append(i.Blocking, "no statement allows the caller "+createGrant)
		i.Blocking = append(i.Blocking, viaEKS.missed...)
	case unsure:
		i.Unknown = append(i.Unknown, viaEKS.mayAllow...)
	}
	i.Unknown = append(i.Unknown, viaEKS.mayDeny...)
	return i
}

// request is a call of KMS for which a policy is evaluated.
type request struct {
	action, keyARN string
	// principal is the ARN of the caller; it may be empty.
	principal string
	facts     map[string]fact
	// byName leaves out what the policy allows the whole account, about which the account's IAM policies decide.
	byName bool
}

// outcome is the effect of all statements on one request.
type outcome struct {
	allow, deny truth
	// The lists describe the statements: those that deny, that may deny, that may allow, and that would allow the
	// caller if their conditions held.
	denied, mayDeny, mayAllow, missed []string
}

func (o outcome) allowed() truth { return min(o.allow, yes-o.deny) }

func (p readPolicy) outcome(q request) outcome {
	var o outcome
	for _, s := range p.Statement {
		applies, doubts := s.concerns(q)
		if applies == no {
			continue
		}
		holds, unclear, failed := conditionsHold(s.Condition, q.facts)
		doubts = append(doubts, unclear...)
		applies = min(applies, holds)
		name, detail := "statement "+s.name(), strings.Join(doubts, "; ")
		switch {
		case s.Effect != "Allow" && s.Effect != "Deny":
			o.deny = max(o.deny, unsure)
			o.mayDeny = append(o.mayDeny, fmt.Sprintf("%s has the effect %q", name, s.Effect))
		case s.Effect == "Deny" && applies == yes:
			o.deny = yes
			o.denied = append(o.denied, fmt.Sprintf("%s denies %s%s", name, q.action, s.conditionText()))
		case s.Effect == "Deny" && applies == unsure:
			o.deny = max(o.deny, unsure)
			o.mayDeny = append(o.mayDeny, fmt.Sprintf("%s may deny %s: %s", name, q.action, detail))
		case s.Effect == "Deny":
		case applies == yes:
			o.allow = yes
		case applies == unsure:
			o.allow = max(o.allow, unsure)
			o.mayAllow = append(o.mayAllow, fmt.Sprintf("%s may allow %s: %s", name, q.action, detail))
		default:
			o.missed = append(o.missed, fmt.Sprintf("%s allows it only if %s, which EKS does not meet", name,
				strings.Join(failed, " and ")))
		}
	}
	return o
}

// concerns evaluates all elements of the statement except its conditions. doubts describes what could not be evaluated.
func (s readStatement) concerns(q request) (applies truth, doubts []string) {
	applies = yes
	for _, element := range []struct {
		name  string
		value truth
	}{
		{"Action", either(s.Action, s.NotAction, func(p string) bool {
			return matches(strings.ToLower(p), strings.ToLower(q.action))
		})},
		{"Resource", either(s.Resource, s.NotResource, func(p string) bool { return matches(p, q.keyARN) })},
		{"Principal", s.forCaller(q)},
	} {
		applies = min(applies, element.value)
		if element.value == unsure {
			doubts = append(doubts, "its "+element.name+" could not be evaluated")
		}
	}
	return applies, doubts
}

// either evaluates an element or its negation. A statement has exactly one of the two.
func either(patterns, not list[any], match func(string) bool) truth {
	variable := func(pattern string) bool { return strings.Contains(pattern, "${") }
	if (len(patterns) == 0) == (len(not) == 0) ||
		slices.ContainsFunc(append(texts(patterns), texts(not)...), variable) {
		return unsure
	}
	if len(not) > 0 {
		return truthOf(!slices.ContainsFunc(texts(not), match))
	}
	return truthOf(slices.ContainsFunc(texts(patterns), match))
}

// forCaller evaluates Principal or NotPrincipal. A caller that NotPrincipal names may still be concerned, because IAM
// compares the session, the role and the account one by one.
func (s readStatement) forCaller(q request) truth {
	switch {
	case (len(s.Principal) == 0) == (len(s.NotPrincipal) == 0):
		return unsure
	case len(s.Principal) > 0:
		return s.Principal.includes(q.principal, q.byName && s.Effect == "Allow")
	case s.NotPrincipal.includes(q.principal, false) == no:
		return yes
	}
	return unsure
}

func (s readStatement) conditionText() string {
	_, all, _ := conditionsHold(s.Condition, nil)
	if len(all) == 0 {
		return ""
	}
	return " if " + strings.Join(all, " and ")
}

// facts returns the condition keys whose values are known. Everything else, such as the network that EKS calls from or
// the details of its grant, is not documented.
func facts(keyARN string, r Requester, viaEKS bool) map[string]fact {
	one := func(value string) fact { return fact{values: []string{value}} }
	known := map[string]fact{
		"aws:requestedregion":       one(r.Region),
		"aws:securetransport":       one("true"),
		"aws:principalisawsservice": one("false"),
		"aws:viaawsservice":         one(fmt.Sprint(viaEKS)),
		"kms:viaservice":            {absent: true},
		// EKS does not meet this condition (EKS user guide, "enable-kms").
		"kms:grantisforawsresource": {values: []string{"false"}, optional: true},
	}
	if viaEKS {
		key, _ := arn.Parse(keyARN)
		var services []string
		for _, suffix := range serviceSuffixes(key.Partition) {
			services = append(services, "eks."+r.Region+"."+suffix)
		}
		known["kms:viaservice"] = fact{values: services}
	}
	if caller, err := arn.Parse(r.ARN); err == nil {
		known["kms:calleraccount"], known["aws:principalaccount"] = one(caller.AccountID), one(caller.AccountID)
		if strings.HasPrefix(caller.Resource, "user/") { // the ARN of a session lacks the path of its role
			known["aws:principalarn"] = one(r.ARN)
		}
	}
	return known
}

// serviceSuffixes returns the possible suffixes of service names in kms:ViaService.
func serviceSuffixes(partition string) []string {
	const usual = "amazonaws.com"
	suffix := map[string]string{
		"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu", "aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov",
		"aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov",
	}[partition]
	if suffix == "" || partition == "aws-eusc" {
		return []string{cmp.Or(suffix, usual)}
	}
	return []string{suffix, usual}
}
