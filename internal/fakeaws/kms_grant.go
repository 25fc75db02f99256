package fakeaws

import (
	"cmp"
	"slices"
	"strings"
)

// grantOperations are the operations that grants of a symmetric encryption key can allow.
var grantOperations = []string{
	"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
	"GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
	"RetireGrant",
}

// createGrant creates a grant. A dry run always returns an error: DryRunOperationException if
// the grant would have been created.
func (s *Server) createGrant(c *call) (any, *apiError) {
	var in struct {
		KeyID, GranteePrincipal, GranteeServicePrincipal, Name string
		Operations                                             []string
		DryRun                                                 bool
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	grantee := cmp.Or(in.GranteePrincipal, in.GranteeServicePrincipal)
	if grantee == "" || len(in.Operations) == 0 {
		return nil,
			failf(400, "ValidationException",
				"1 validation error detected: Value at 'granteePrincipal' or 'operations' failed to satisfy "+
					"constraint: Member must not be null")
	}
	key, failure := s.key(c, in.KeyID, "CreateGrant", map[string]string{
		"kms:GranteePrincipal": grantee, "kms:GrantOperations": strings.Join(in.Operations, ","),
	})
	if failure != nil {
		return nil, failure
	}
	if key.Manager == "AWS" {
		return nil, failf(400, "AccessDeniedException", "%s",
			deniedMessage(c.caller, "kms:CreateGrant", key.ARN(),
				"because no resource-based policy allows the kms:CreateGrant action"))
	}
	if key.State != "Enabled" {
		return nil, key.usable()
	}
	for _, op := range in.Operations {
		if !slices.Contains(grantOperations, op) {
			return nil, failf(400, "ValidationException", "Operation %s is not valid for %s", op, key.ARN())
		}
	}
	if strings.HasPrefix(grantee, "arn:") && parseARN(grantee).AccountID == c.account() &&
		strings.Contains(parseARN(grantee).Service, "iam") &&
		parseARN(grantee).Resource != "root" && !s.state.knows(grantee) && !s.isClusterRole(grantee) {
		return nil, failf(400, "InvalidArnException", "ARN does not refer to a valid principal: %s", grantee)
	}
	if in.DryRun {
		return nil, dryRun()
	}
	grant := Grant{
		ID: hexSum(s.random(16)), Token: s.newUUID(), Name: in.Name, Grantee: grantee, Issuer: c.caller.ARN,
		Operations: in.Operations, CreatedAt: s.opts.Now(),
	}
	key.Grants = append(key.Grants, grant)
	return object{"GrantId": grant.ID, "GrantToken": grant.Token}, nil
}

// isClusterRole reports whether the ARN is the role of a cluster. Such a role exists without
// being added.
func (s *Server) isClusterRole(arn string) bool {
	for _, cluster := range s.state.Clusters {
		if cluster.RoleARN == arn {
			return true
		}
	}
	return false
}

func (s *Server) listGrants(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "ListGrants", nil)
	if failure != nil {
		return nil, failure
	}
	var grants []object
	for _, g := range key.Grants {
		grants = append(grants, object{
			"KeyId": key.ARN(), "GrantId": g.ID, "Name": g.Name, "CreationDate": epoch(g.CreatedAt),
			"GranteePrincipal": g.Grantee, "IssuingAccount": "arn:" + Partition(key.Region) + ":iam::" + key.Account +
				":root",
			"Operations": g.Operations,
		})
	}
	return s.kmsPage("Grants", grants, in, 50, 100)
}
