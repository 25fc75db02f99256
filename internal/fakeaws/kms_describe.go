package fakeaws

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// keyInput holds the common parameters. KMS names members in Pascal case; encoding/json
// ignores the case.
type keyInput struct {
	KeyID      string
	PolicyName string
	Limit      *int
	Marker     string
}

func (s *Server) describeKey(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if key := s.firstUse(c, in.KeyID); key != nil {
		in.KeyID = key.ID
	}
	key, failure := s.key(c, in.KeyID, "DescribeKey", nil)
	if failure != nil {
		return nil, failure
	}
	return object{"KeyMetadata": s.state.describe(key)}, nil
}

// firstUse creates the AWS-managed key of an alias/aws/… without a key, as DescribeKey does
// on AWS. It returns nil if it creates none.
func (s *Server) firstUse(c *call, id string) *Key {
	alias := s.state.Aliases[(&Alias{Name: id, Region: c.region, Account: c.account()}).ARN()]
	if alias == nil || alias.Target != "" || !strings.HasPrefix(id, "alias/aws/") {
		return nil
	}
	key := s.state.AddKey(Key{
		Region: c.region, Account: c.account(), Manager: "AWS", RotationDays: 365, CreatedAt: s.opts.Now(),
		Description: "Default key that protects my data when no other key is defined",
	})
	alias.Target = key.ID
	return key
}

// describe returns the metadata of a key. Members that do not apply to its kind are absent.
func (w *State) describe(k *Key) object {
	m := object{
		"AWSAccountId": k.Account, "KeyId": k.ID, "Arn": k.ARN(), "CreationDate": epoch(k.CreatedAt),
		"Enabled": k.State == "Enabled", "Description": k.Description, "KeyUsage": k.Usage, "KeyState": k.State,
		"Origin": k.Origin, "KeyManager": k.Manager, "KeySpec": k.Spec, "CustomerMasterKeySpec": k.Spec,
		"MultiRegion": k.MultiRegion,
	}
	imported := k.State != "PendingImport"
	if k.Spec == "SYMMETRIC_DEFAULT" && imported {
		m["CurrentKeyMaterialId"] = hexSum(k.Secret)
	}
	if member, list := k.algorithms(); member != "" {
		m[member] = list
	}
	if !k.DeletionDate.IsZero() {
		m["DeletionDate"] = epoch(k.DeletionDate)
	}
	if k.Origin == "EXTERNAL" && imported {
		m["ExpirationModel"] = "KEY_MATERIAL_DOES_NOT_EXPIRE"
		if !k.ValidTo.IsZero() {
			m["ExpirationModel"], m["ValidTo"] = "KEY_MATERIAL_EXPIRES", epoch(k.ValidTo)
		}
	}
	if k.MultiRegion {
		kind, primary := "PRIMARY", k.ARN()
		if k.Primary != "" {
			kind, primary = "REPLICA", k.Primary
		}
		m["MultiRegionConfiguration"] = object{
			"MultiRegionKeyType": kind, "PrimaryKey": object{"Arn": primary, "Region": parseARN(primary).Region},
			"ReplicaKeys": w.replicas(primary),
		}
	}
	return m
}

// replicas lists the replicas of a multi-Region primary key.
func (w *State) replicas(primary string) []object {
	list := []object{}
	for _, arn := range slices.Sorted(maps.Keys(w.Keys)) {
		if w.Keys[arn].Primary == primary {
			list = append(list, object{"Arn": arn, "Region": w.Keys[arn].Region})
		}
	}
	return list
}

func (s *Server) listKeys(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "kms:ListKeys", "*", nil); failure != nil {
		return nil, failure
	}
	var keys []object
	for _, k := range sortedWhere(s.state.Keys, func(k *Key) bool {
		return k.Region == c.region && k.Account == c.account()
	}) {
		keys = append(keys, object{"KeyId": k.ID, "KeyArn": k.ARN()})
	}
	return s.kmsPage("Keys", keys, in, 100, 1000)
}

func (s *Server) listAliases(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if failure := s.permit(c, "kms:ListAliases", "*", nil); failure != nil {
		return nil, failure
	}
	target := ""
	if in.KeyID != "" {
		if isAlias(in.KeyID) {
			return nil, failf(400, "NotFoundException", "Invalid keyId %s", in.KeyID)
		}
		key := s.findKey(c, in.KeyID)
		if key == nil || key.Account != c.account() {
			return nil, s.noKey(c, in.KeyID, "ListAliases")
		}
		target = key.ID
	}
	var aliases []object
	for _, a := range sortedWhere(s.state.Aliases, func(a *Alias) bool {
		return a.Region == c.region && a.Account == c.account() && (target == "" || a.Target == target)
	}) {
		entry := object{"AliasName": a.Name, "AliasArn": a.ARN()}
		if a.Target != "" { // absent, not empty, if the AWS-managed key does not exist yet
			entry["TargetKeyId"] = a.Target
		}
		aliases = append(aliases, entry)
	}
	return s.kmsPage("Aliases", aliases, in, 50, 100)
}

// kmsPage returns one page in the form of KMS: Marker, NextMarker, Truncated.
func (s *Server) kmsPage(member string, items []object, in keyInput, usual, limit int) (any, *apiError) {
	requested := 0
	if in.Limit != nil {
		if requested = *in.Limit; requested < 1 {
			return nil, violation(strconv.Itoa(requested), "limit", "Member must have value greater than or equal to 1")
		}
		if requested > limit {
			return nil, violation(strconv.Itoa(requested), "limit",
				fmt.Sprintf("Member must have value less than or equal to %d", limit))
		}
	}
	part, next, ok := page(items, in.Marker, s.state.pageSize(requested, usual, limit))
	if !ok {
		return nil, failf(400, "InvalidMarkerException", "Invalid marker")
	}
	reply := object{member: part, "Truncated": next != ""}
	if next != "" {
		reply["NextMarker"] = next
	}
	return reply, nil
}

func (s *Server) listResourceTags(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "ListResourceTags", nil)
	if failure != nil {
		return nil, failure
	}
	var tags []object
	for _, name := range slices.Sorted(maps.Keys(key.Tags)) {
		tags = append(tags, object{"TagKey": name, "TagValue": key.Tags[name]})
	}
	return s.kmsPage("Tags", tags, in, 50, 50)
}

func (s *Server) getKeyPolicy(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "GetKeyPolicy", nil)
	if failure != nil {
		return nil, failure
	}
	if name := cmp.Or(in.PolicyName, "default"); name != "default" {
		return nil, failf(400, "NotFoundException", "No such policy exists")
	}
	return object{"Policy": key.Policy, "PolicyName": "default"}, nil
}

func (s *Server) listKeyPolicies(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	if _, failure := s.key(c, in.KeyID, "ListKeyPolicies", nil); failure != nil {
		return nil, failure
	}
	return object{"PolicyNames": []string{"default"}, "Truncated": false}, nil
}
