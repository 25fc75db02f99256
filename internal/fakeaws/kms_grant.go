package fakeaws

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// grantOperations are the operations that grants of a symmetric encryption key can allow.
var grantOperations = []string{
	"CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
	"GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
	"RetireGrant",
}

// grantOperations returns the operations that a grant of the key can allow.
func (k *Key) grantOperations() []string {
	switch k.Usage {
	case "GENERATE_VERIFY_MAC":
		return []string{"CreateGrant", "DescribeKey", "GenerateMac", "RetireGrant", "VerifyMac"}
	case "SIGN_VERIFY":
		return []string{"CreateGrant", "DescribeKey", "GetPublicKey", "RetireGrant", "Sign", "Verify"}
	}
	return grantOperations
}

// isPrincipal reports whether s is an ARN of a principal or the name of a service.
func isPrincipal(s string) bool {
	service := parseARN(s).Service
	return service == "iam" || service == "sts" || strings.HasSuffix(s, ".amazonaws.com")
}

// same reports whether two grants differ only in what KMS generates.
func (g Grant) same(other Grant) bool {
	return g.Name == other.Name && g.Grantee == other.Grantee && g.Retiring == other.Retiring &&
		slices.Equal(g.Operations, other.Operations) && reflect.DeepEqual(g.Constraints, other.Constraints)
}

// createGrant creates a grant. A dry run always returns an error: DryRunOperationException if
// the grant would have been created.
func (s *Server) createGrant(c *call) (any, *apiError) {
	var in struct {
		KeyID, GranteePrincipal, GranteeServicePrincipal, Name string
		RetiringPrincipal                                      string
		Operations                                             []string
		Constraints                                            map[string]any
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
	if failure := key.usable(); failure != nil {
		return nil, failure
	}
	for _, op := range in.Operations {
		if !slices.Contains(key.grantOperations(), op) {
			return nil, failf(400, "ValidationException", "Operation %s is not valid for %s", op, key.ARN())
		}
	}
	if in.GranteePrincipal != "" && !isPrincipal(in.GranteePrincipal) {
		return nil, failf(400, "InvalidArnException", "ARN does not refer to a valid principal: %s", grantee)
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
		Retiring: in.RetiringPrincipal, Operations: in.Operations, Constraints: in.Constraints,
		CreatedAt: s.opts.Now(),
	}
	// The same named grant is not created twice.
	for _, g := range key.Grants {
		if grant.Name != "" && g.same(grant) {
			return object{"GrantId": g.ID, "GrantToken": s.newUUID()}, nil
		}
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
	var in struct {
		keyInput
		GrantID, GranteePrincipal string
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "ListGrants", nil)
	if failure != nil {
		return nil, failure
	}
	var grants []object
	for _, g := range key.Grants {
		if in.GrantID != "" && in.GrantID != g.ID || in.GranteePrincipal != "" && in.GranteePrincipal != g.Grantee {
			continue
		}
		entry := object{
			"KeyId": key.ARN(), "GrantId": g.ID, "CreationDate": epoch(g.CreatedAt),
			"GranteePrincipal": g.Grantee, "IssuingAccount": "arn:" + Partition(key.Region) + ":iam::" + key.Account +
				":root",
			"Operations": g.Operations,
		}
		for member, value := range map[string]string{"Name": g.Name, "RetiringPrincipal": g.Retiring} {
			if value != "" {
				entry[member] = value
			}
		}
		if len(g.Constraints) > 0 {
			entry["Constraints"] = g.Constraints
		}
		grants = append(grants, entry)
	}
	return s.kmsPage("Grants", grants, in.keyInput, 50, 100)
}
