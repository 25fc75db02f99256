package fakeaws

import (
	"encoding/json"
	"fmt"
	"slices"
)

const (
	noIdentityPolicy = "because no identity-based policy allows the %s action"
	explicitDeny     = "with an explicit deny in an identity-based policy"
	// noKeyPolicy is the message for a key of another account, whether it exists or not.
	noKeyPolicy = "User: %s is not authorized to perform: %s on this resource because the resource does not exist " +
		"in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
)

// permit returns an error unless the caller's own policies allow the action.
func (s *Server) permit(c *call, action, resource string, context map[string]string) *apiError {
	a := access{caller: c.caller, action: action, resource: resource, context: context}
	because := s.state.controlled(a)
	switch decision := a.judge(s.state.policyOf(c.caller), nil); {
	case because != "":
	case decision == allowed:
		return nil
	case decision == denied:
		because = explicitDeny
	default:
		because = fmt.Sprintf(noIdentityPolicy, action)
	}
	code := "AccessDeniedException"
	switch c.service {
	case "sts", "iam":
		code = "AccessDenied"
	case "ec2":
		return failf(403, "UnauthorizedOperation", "You are not authorized to perform this operation. %s",
			deniedMessage(c.caller, action, resource, because))
	}
	return failf(deniedStatus(c.service), code, "%s", deniedMessage(c.caller, action, resource, because))
}

// permitKey returns an error unless the caller's policies, the key's policy and its grants
// allow the action, as in KMS: the key policy must name the caller, or delegate to IAM by
// naming the account's root. Across accounts, both sides must allow it.
func (s *Server) permitKey(c *call, key *Key, action string, context map[string]string) *apiError {
	service := c.caller.IsService()
	full := map[string]string{"kms:CallerAccount": c.caller.Account()}
	for k, v := range context {
		full[k] = v
	}
	a := access{caller: c.caller, action: action, resource: key.ARN(), context: full}
	identity := a.judge(s.state.policyOf(c.caller), nil)
	direct, delegated, resource := a.judgeKey(key)
	local := c.caller.Account() == key.Account
	control := s.state.controlled(a)
	switch {
	case control != "":
		return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), control))
	case identity == denied:
		return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), explicitDeny))
	case resource == denied:
		if local {
			return failf(400, "AccessDeniedException", "%s",
				deniedMessage(c.caller, action, key.ARN(), "with an explicit deny in a resource-based policy"))
		}
		return failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, action)
	case key.granted(c.caller, action),
		direct && (local || service || identity == allowed),
		delegated && identity == allowed:
		return nil
	case !local:
		return failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, action)
	case delegated:
		return failf(400, "AccessDeniedException", "%s",
			deniedMessage(c.caller, action, key.ARN(), fmt.Sprintf(noIdentityPolicy, action)))
	}
	return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(),
		"because no resource-based policy allows the "+action+" action"))
}

// judgeKey evaluates the key policy. direct: it allows the caller by name. delegated: it
// allows the caller's account to decide. outcome: the decision of the whole policy.
func (a access) judgeKey(key *Key) (direct, delegated bool, outcome decision) {
	statements, err := keyPolicy(key.Policy)
	if err != nil {
		return false, false, silent
	}
	byName := func(s Statement) bool { return a.caller.named(s.Principal) }
	byRoot := func(s Statement) bool { return a.caller.rooted(s.Principal) }
	either := func(s Statement) bool { return byName(s) || byRoot(s) }
	outcome = a.judge(statements, either)
	return a.judge(statements, byName) == allowed, a.judge(statements, byRoot) == allowed, outcome
}

// named reports whether an audience contains the principal, its role or "*".
func (p *Principal) named(a Audience) bool {
	if p.IsService() {
		return slices.Contains(a.Service, p.ARN) || slices.Contains(a.AWS, "*")
	}
	return slices.Contains(a.AWS, "*") || slices.Contains(a.AWS, p.ARN) || slices.Contains(a.AWS, p.roleARN())
}

// rooted reports whether an audience contains the root of the principal's account.
func (p *Principal) rooted(a Audience) bool {
	return slices.ContainsFunc(a.AWS, func(arn string) bool {
		return p.Account() != "" && (arn == p.Account() || parseARN(arn).AccountID == p.Account() &&
			parseARN(arn).Resource == "root")
	})
}

// granted reports whether a grant of the key allows the principal the action.
func (k *Key) granted(p *Principal, action string) bool {
	return slices.ContainsFunc(k.Grants, func(g Grant) bool {
		return (g.Grantee == p.ARN || g.Grantee == p.roleARN()) &&
			slices.ContainsFunc(g.Operations, func(op string) bool { return "kms:"+op == action })
	})
}

func keyPolicy(document string) ([]Statement, error) {
	var policy struct{ Statement []Statement }
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return nil, fmt.Errorf("key policy: %w", err)
	}
	return policy.Statement, nil
}

// defaultKeyPolicy returns the policy of a key that was created without one.
func defaultKeyPolicy(partition, account string) string {
	return fmt.Sprintf(`{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:%s:iam::%s:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`, partition, account)
}
