package fakeaws

import (
	"encoding/json"
	"fmt"
	"slices"
)

const (
	noIdentityPolicy = "because no identity-based policy allows the %s action"
	explicitDeny     = "with an explicit deny in an identity-based policy"
	// noKeyPolicy is how KMS refuses a key of another account, whether it
	// exists or not.
	noKeyPolicy = "User: %s is not authorized to perform: %s on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
)

// permit asks the caller's own policies.
func (s *Server) permit(c *call, action, resource string, context map[string]string) *apiError {
	a := access{caller: c.caller, action: action, resource: resource, context: context}
	because := ""
	switch a.judge(s.world.policyOf(c.caller), nil) {
	case allowed:
		return nil
	case denied:
		because = explicitDeny
	default:
		because = fmt.Sprintf(noIdentityPolicy, action)
	}
	code := "AccessDeniedException"
	switch c.service {
	case "sts":
		code = "AccessDenied"
	case "ec2":
		return failf(403, "UnauthorizedOperation", "You are not authorized to perform this operation. %s", deniedMessage(c.caller, action, resource, because))
	}
	return failf(deniedStatus(c.service), code, "%s", deniedMessage(c.caller, action, resource, because))
}

// permitKey asks the caller's policies, the key's policy and its grants, as
// KMS does: the key policy must let the caller in, directly or by leaving it
// to IAM through the account's root; across accounts both sides must agree.
func (s *Server) permitKey(c *call, key *Key, action string, context map[string]string) *apiError {
	service := c.caller.IsService()
	full := map[string]string{"kms:CallerAccount": c.caller.Account()}
	for k, v := range context {
		full[k] = v
	}
	a := access{caller: c.caller, action: action, resource: key.ARN(), context: full}
	identity := a.judge(s.world.policyOf(c.caller), nil)
	direct, delegated, resource := a.judgeKey(key)
	local := c.caller.Account() == key.Account
	switch {
	case identity == denied:
		return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), explicitDeny))
	case resource == denied:
		if local {
			return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), "with an explicit deny in a resource-based policy"))
		}
		return failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, action)
	case key.granted(c.caller, action),
		direct && (local || service || identity == allowed),
		delegated && identity == allowed:
		return nil
	case !local:
		return failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, action)
	case delegated:
		return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), fmt.Sprintf(noIdentityPolicy, action)))
	}
	return failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, action, key.ARN(), "because no resource-based policy allows the "+action+" action"))
}

// judgeKey evaluates the key policy: whether it allows the caller by name,
// whether it leaves the caller's account to decide, and the plain outcome.
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

// named says whether an audience names the principal, its role or everybody.
func (p *Principal) named(a Audience) bool {
	if p.IsService() {
		return slices.Contains(a.Service, p.ARN) || slices.Contains(a.AWS, "*")
	}
	return slices.Contains(a.AWS, "*") || slices.Contains(a.AWS, p.ARN) || slices.Contains(a.AWS, p.roleARN())
}

// rooted says whether an audience names the principal's whole account.
func (p *Principal) rooted(a Audience) bool {
	return slices.ContainsFunc(a.AWS, func(arn string) bool {
		return p.Account() != "" && (arn == p.Account() || arnPart(arn, 4) == p.Account() && arnPart(arn, 5) == "root")
	})
}

// granted says whether a grant of the key lets the principal do the action.
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

// defaultKeyPolicy is the one KMS gives a key made without a policy.
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
