package fakeaws

import (
	"slices"
	"strings"
)

// grantOperations are those a symmetric encryption key can grant.
var grantOperations = []string{
	"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
	"GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "RetireGrant",
}

// createGrant: a dry run always ends in an error, DryRunOperationException
// when the grant would have been made.
func (s *Server) createGrant(c *call) (any, *apiError) {
	var in struct {
		KeyID, GranteePrincipal, GranteeServicePrincipal, Name string
		Operations                                             []string
		DryRun                                                 bool
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	grantee := in.GranteePrincipal
	if grantee == "" {
		grantee = in.GranteeServicePrincipal
	}
	if grantee == "" || len(in.Operations) == 0 {
		return nil, failf(400, "ValidationException", "1 validation error detected: Value at 'granteePrincipal' or 'operations' failed to satisfy constraint: Member must not be null")
	}
	key, failure := s.key(c, in.KeyID, "CreateGrant", map[string]string{
		"kms:GranteePrincipal": grantee, "kms:GrantOperations": strings.Join(in.Operations, ","),
	})
	if failure != nil {
		return nil, failure
	}
	if key.Manager == "AWS" {
		return nil, failf(400, "AccessDeniedException", "%s", deniedMessage(c.caller, "kms:CreateGrant", key.ARN(), "because no resource-based policy allows the kms:CreateGrant action"))
	}
	if key.State != "Enabled" {
		return nil, key.usable()
	}
	for _, op := range in.Operations {
		if !slices.Contains(grantOperations, op) {
			return nil, failf(400, "ValidationException", "Operation %s is not valid for %s", op, key.ARN())
		}
	}
	if strings.HasPrefix(grantee, "arn:") && arnPart(grantee, 4) == c.account() && strings.Contains(arnPart(grantee, 2), "iam") &&
		arnPart(grantee, 5) != "root" && !s.world.knows(grantee) && !s.isClusterRole(grantee) {
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

// isClusterRole: the roles of clusters exist even where nobody added them.
func (s *Server) isClusterRole(arn string) bool {
	for _, cluster := range s.world.Clusters {
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
			"GranteePrincipal": g.Grantee, "IssuingAccount": "arn:" + Partition(key.Region) + ":iam::" + key.Account + ":root",
			"Operations": g.Operations,
		})
	}
	return s.kmsPage("Grants", grants, in, 50, 100)
}
