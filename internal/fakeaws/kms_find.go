package fakeaws

import (
	"regexp"
	"strings"
)

var kmsOperations = map[string]operation{
	"CreateAlias":          {handle: (*Server).createAlias, writes: true},
	"CreateGrant":          {handle: (*Server).createGrant, writes: true},
	"CreateKey":            {handle: (*Server).createKey, writes: true},
	"Decrypt":              {handle: (*Server).decrypt},
	"DescribeKey":          {handle: (*Server).describeKey},
	"EnableKeyRotation":    {handle: (*Server).enableKeyRotation, writes: true},
	"Encrypt":              {handle: (*Server).encrypt},
	"GetKeyLastUsage":      {handle: (*Server).getKeyLastUsage},
	"GetKeyPolicy":         {handle: (*Server).getKeyPolicy},
	"GetKeyRotationStatus": {handle: (*Server).getKeyRotationStatus},
	"GetPublicKey":         {handle: (*Server).getPublicKey},
	"ListAliases":          {handle: (*Server).listAliases},
	"ListGrants":           {handle: (*Server).listGrants},
	"ListKeyPolicies":      {handle: (*Server).listKeyPolicies},
	"ListKeyRotations":     {handle: (*Server).listKeyRotations},
	"ListKeys":             {handle: (*Server).listKeys},
	"ListResourceTags":     {handle: (*Server).listResourceTags},
	"PutKeyPolicy":         {handle: (*Server).putKeyPolicy, writes: true},
	"Sign":                 {handle: (*Server).sign},
	"TagResource":          {handle: (*Server).tagResource, writes: true},
	"Verify":               {handle: (*Server).verifySignature},
}

var keyID = regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// findKey returns the key of a key ID, key ARN, alias name or alias ARN, as seen from the
// caller's account and region. It returns nil if there is none.
func (s *Server) findKey(c *call, id string) *Key {
	if strings.HasPrefix(id, "alias/") {
		id = (&Alias{Name: id, Region: c.region, Account: c.account()}).ARN()
	}
	if strings.HasPrefix(id, "arn:") && parseARN(id).Region != c.region {
		return nil
	}
	if alias := s.state.Aliases[id]; alias != nil {
		return s.state.Keys[(&Key{ID: alias.Target, Region: alias.Region, Account: alias.Account}).ARN()]
	}
	if key := s.state.Keys[id]; key != nil {
		return key
	}
	return s.state.Keys[(&Key{ID: id, Region: c.region, Account: c.account()}).ARN()]
}

// key returns the key of a call if the caller is allowed the action on it. sameAccount
// operations deny keys of other accounts regardless of the policies.
func (s *Server) key(c *call, id, action string, context map[string]string) (*Key, *apiError) {
	if id == "" {
		return nil,
			failf(400, "ValidationException",
				"1 validation error detected: Value at 'keyId' failed to satisfy constraint: Member must not be null")
	}
	if isAlias(id) && !aliasActions[action] {
		return nil, failf(400, "NotFoundException", "Invalid keyId %s", id)
	}
	key := s.findKey(c, id)
	if key == nil {
		return nil, s.noKey(c, id, action)
	}
	if key.Account != c.account() && sameAccount[action] && !c.caller.IsService() {
		return nil, failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, "kms:"+action)
	}
	if failure := s.permitKey(c, key, "kms:"+action, context); failure != nil {
		return nil, failure
	}
	return key, nil
}

// isAlias reports whether the id of a key is the name or the ARN of an alias.
func isAlias(id string) bool {
	return strings.HasPrefix(id, "alias/") || strings.HasPrefix(parseARN(id).Resource, "alias/")
}

// aliasActions lists the operations whose KeyId may be an alias. The others accept only a key
// ID or a key ARN.
var aliasActions = map[string]bool{
	"DescribeKey": true, "Encrypt": true, "Decrypt": true, "GetPublicKey": true, "Sign": true, "Verify": true,
}

// sameAccount lists the operations that the KMS API reference marks "Cross-account use: No".
var sameAccount = map[string]bool{
	"CreateAlias": true, "EnableKeyRotation": true, "GetKeyLastUsage": true, "GetKeyPolicy": true,
	"ListKeyPolicies": true, "ListKeyRotations": true, "ListResourceTags": true, "PutKeyPolicy": true, "TagResource": true,
}

// noKey returns the error for a key that does not exist. Callers of other accounts only
// learn that they have no access.
func (s *Server) noKey(c *call, id, action string) *apiError {
	full := id
	switch isARN := strings.HasPrefix(id, "arn:"); {
	case isARN && parseARN(id).Resource == "":
		return failf(400, "InvalidArnException", "Invalid arn %s", id)
	case isARN && parseARN(id).Region != c.region:
		return failf(400, "NotFoundException", "Invalid arn %s", parseARN(id).Region)
	case isARN && parseARN(id).AccountID != c.account():
		return failf(400, "AccessDeniedException", noKeyPolicy, c.caller.ARN, "kms:"+action)
	case isARN:
	case strings.HasPrefix(id, "alias/"):
		full = (&Alias{Name: id, Region: c.region, Account: c.account()}).ARN()
	case !keyID.MatchString(id):
		return failf(400, "NotFoundException", "Invalid keyId '%s'", id)
	default:
		full = (&Key{ID: id, Region: c.region, Account: c.account()}).ARN()
	}
	if failure := s.permit(c, "kms:"+action, full, nil); failure != nil {
		return failure
	}
	if strings.HasPrefix(parseARN(full).Resource, "alias/") {
		return failf(400, "NotFoundException", "Alias %s is not found.", full)
	}
	return failf(400, "NotFoundException", "Key '%s' does not exist", full)
}

// enabled reports whether the key can be used. A multi-Region key stays usable while KMS
// moves its primary (Updating).
func (k *Key) enabled() bool { return k.State == "Enabled" || k.State == "Updating" }

// usable returns the error of a cryptographic or changing operation on a key that cannot be
// used.
func (k *Key) usable() *apiError {
	switch k.State {
	case "Enabled", "Updating":
		return nil
	case "Disabled":
		return failf(400, "DisabledException", "%s is disabled.", k.ARN())
	case "PendingDeletion", "PendingReplicaDeletion":
		return failf(400, "KMSInvalidStateException", "%s is pending deletion.", k.ARN())
	case "PendingImport":
		return failf(400, "KMSInvalidStateException", "%s is pending import.", k.ARN())
	case "Unavailable":
		return failf(400, "KMSInvalidStateException", "%s is unavailable.", k.ARN())
	}
	return failf(400, "KMSInvalidStateException", "%s is in state %s.", k.ARN(), k.State)
}
