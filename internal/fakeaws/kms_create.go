package fakeaws

import (
	"regexp"
	"slices"
	"strings"
)

type keyTag struct{ TagKey, TagValue string }

type createKeyInput struct {
	KeySpec, KeyUsage, Origin, Description, Policy string
	CustomerMasterKeySpec                          string
	MultiRegion                                    bool
	BypassPolicyLockoutSafetyCheck                 bool
	Tags                                           []keyTag
}

func (s *Server) createKey(c *call) (any, *apiError) {
	var in createKeyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "kms:CreateKey", "*", nil); failure != nil {
		return nil, failure
	}
	if len(in.Tags) > 0 {
		if failure := s.permit(c, "kms:TagResource", "*", nil); failure != nil {
			return nil, failure
		}
	}
	if failure := in.check(); failure != nil {
		return nil, failure
	}
	key := Key{
		ID: s.newUUID(), Region: c.region, Account: c.account(), Description: in.Description, Policy: in.Policy,
		Spec: in.KeySpec, Usage: in.KeyUsage, Origin: in.Origin, MultiRegion: in.MultiRegion,
		CreatedAt: s.opts.Now(), Secret: s.random(32),
	}
	if in.MultiRegion {
		key.ID = "mrk-" + strings.ReplaceAll(key.ID, "-", "")
	}
	if in.Origin == "EXTERNAL" {
		key.State = "PendingImport"
	}
	if in.Policy != "" {
		if failure := s.checkPolicy(c, &key, in.Policy, in.BypassPolicyLockoutSafetyCheck); failure != nil {
			return nil, failure
		}
	}
	if failure := key.tag(in.Tags); failure != nil {
		return nil, failure
	}
	return object{"KeyMetadata": s.state.describe(s.state.AddKey(key))}, nil
}

// maxPolicy is the quota of a key policy's size, in bytes.
const maxPolicy = 32 << 10

// checkPolicy returns an error if the policy is malformed, names a principal of the caller's
// account that does not exist, or locks the caller out.
func (s *Server) checkPolicy(c *call, key *Key, policy string, bypass bool) *apiError {
	if len(policy) > maxPolicy {
		return failf(400, "LimitExceededException", "Policy exceeds the maximum size of %d bytes", maxPolicy)
	}
	statements, err := keyPolicy(policy)
	if err != nil || len(statements) == 0 {
		return failf(400, "MalformedPolicyDocumentException", "")
	}
	for _, statement := range statements {
		for _, arn := range statement.Principal.AWS {
			if strings.Contains(parseARN(arn).Resource, "/") && parseARN(arn).AccountID == c.account() &&
				!s.state.knows(arn) {
				return failf(400, "MalformedPolicyDocumentException",
					"Policy contains a statement with one or more invalid principals.")
			}
		}
	}
	probe := *key
	probe.Policy = policy
	if !bypass && s.permitKey(c, &probe, "kms:PutKeyPolicy", nil) != nil {
		return failf(400, "MalformedPolicyDocumentException",
			"The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

func (s *Server) tagResource(c *call) (any, *apiError) {
	var in struct {
		KeyID string
		Tags  []keyTag
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "TagResource", nil)
	if failure != nil {
		return nil, failure
	}
	return nil, key.tag(in.Tags)
}

func (s *Server) putKeyPolicy(c *call) (any, *apiError) {
	var in struct {
		KeyID, Policy                  string
		BypassPolicyLockoutSafetyCheck bool
	}
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "PutKeyPolicy", nil)
	if failure != nil {
		return nil, failure
	}
	if failure := s.checkPolicy(c, key, in.Policy, in.BypassPolicyLockoutSafetyCheck); failure != nil {
		return nil, failure
	}
	key.Policy = in.Policy
	return nil, nil
}

var aliasName = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]{1,250}$`)

// createAlias requires the permission on the alias and on the key.
func (s *Server) createAlias(c *call) (any, *apiError) {
	var in struct{ AliasName, TargetKeyID string }
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	switch {
	case strings.HasPrefix(in.AliasName, "alias/aws/"):
		return nil, failf(400, "NotAuthorizedException", "")
	case !strings.HasPrefix(in.AliasName, "alias/"):
		return nil,
			failf(400, "ValidationException",
				"Alias must start with the prefix \"alias/\". Please see "+
					"https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case !aliasName.MatchString(in.AliasName):
		return nil, violation(in.AliasName, "aliasName",
			"Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$")
	case isAlias(in.TargetKeyID):
		return nil, failf(400, "ValidationException", "Aliases must refer to keys. Not aliases")
	}
	alias := Alias{Name: in.AliasName, Region: c.region, Account: c.account()}
	if failure := s.permit(c, "kms:CreateAlias", alias.ARN(), nil); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.TargetKeyID, "CreateAlias", nil)
	if failure != nil {
		return nil, failure
	}
	if slices.Contains([]string{"PendingDeletion", "PendingReplicaDeletion"}, key.State) {
		return nil, key.usable()
	}
	if s.state.Aliases[alias.ARN()] != nil {
		return nil, failf(400, "AlreadyExistsException", "An alias with the name %s already exists", alias.ARN())
	}
	alias.Target = key.ID
	s.state.AddAlias(alias)
	return nil, nil
}
