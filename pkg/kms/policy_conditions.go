package kms

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// PolicyIssues are key-policy conditions that would make an association fail.
type PolicyIssues struct {
	// Blocking describes the conditions of statements that deny CreateGrant to EKS. If no other statement allows it,
	// it also describes the conditions of statements that allow CreateGrant, but not to EKS.
	Blocking []string
	// OnlyViaEKS is true if CreateGrant is allowed only through EKS, so that a direct call shows nothing.
	OnlyViaEKS bool
}

// condition maps operators to keys to values.
type condition map[string]map[string]oneOrMany

type readStatement struct {
	Sid       string
	Effect    string
	Action    oneOrMany
	Condition condition
}

// oneOrMany decodes a JSON value or a list of values.
type oneOrMany []string

func (s *oneOrMany) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	*s = nil
	for _, item := range list {
		*s = append(*s, fmt.Sprint(item))
	}
	return nil
}

// statements decodes a statement or a list of statements.
type statements []readStatement

func (s *statements) UnmarshalJSON(raw []byte) error {
	var one readStatement
	if json.Unmarshal(raw, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]readStatement)(s))
}

// ReadPolicyIssues reads the key's policy and returns its PolicyIssues, or in unread the reason why
// the policy could not be read.
// Most callers lack the permission, and KMS never returns the policy of another account's key.
func ReadPolicyIssues(ctx context.Context, api PolicyReader, keyARN,
	region string) (traps PolicyIssues, unread string) {
	policy, err := keyPolicy(ctx, api, keyARN)
	if err == nil {
		traps, err = parsePolicy(policy, region)
	}
	if err != nil {
		return PolicyIssues{}, message(err)
	}
	return traps, ""
}

// parsePolicy finds the conditions of a key policy that deny CreateGrant to EKS in the region. A policy without such
// conditions does not mean that the caller is allowed: the caller's own policies also count.
func parsePolicy(policy, region string) (PolicyIssues, error) {
	var doc struct{ Statement statements }
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		return PolicyIssues{}, fmt.Errorf("parse the key policy: %w", err)
	}
	var t PolicyIssues
	var blocked []string
	unconditional, viaEKS := false, false
	for _, s := range doc.Statement {
		if !slices.ContainsFunc(s.Action, matchesCreateGrant) {
			continue
		}
		forAWS, via := s.Condition.values("kms:GrantIsForAWSResource"), s.Condition.values("kms:ViaService")
		eks := slices.ContainsFunc(via, func(pattern string) bool { return matchesEKS(pattern, region) })
		switch {
		case s.Effect == "Deny" && (len(forAWS) > 0 || len(via) > 0 && !eks):
			t.Blocking = append(t.Blocking, fmt.Sprintf("statement %s denies kms:CreateGrant by a condition on"+
				" kms:GrantIsForAWSResource or kms:ViaService, which EKS may not meet", s.name()))
		case s.Effect != "Allow":
		case slices.Contains(forAWS, "true"):
			blocked = append(blocked, fmt.Sprintf("statement %s allows kms:CreateGrant only with"+
				" kms:GrantIsForAWSResource, which EKS doesn't meet", s.name()))
		case len(via) > 0 && !eks:
			blocked = append(blocked, fmt.Sprintf("statement %s allows kms:CreateGrant only through %s,"+
				" not through eks.%s.amazonaws.com", s.name(), strings.Join(via, ", "), region))
		case eks:
			viaEKS = true
		default:
			unconditional = true
		}
	}
	if !unconditional && !viaEKS {
		t.Blocking = append(t.Blocking, blocked...)
	}
	t.OnlyViaEKS = viaEKS && !unconditional
	return t, nil
}

// values returns the values of a condition key, except those of the operator Null.
func (c condition) values(key string) []string {
	var v []string
	for operator, keys := range c {
		if strings.HasPrefix(operator, "Null") {
			continue
		}
		for k, values := range keys {
			if strings.EqualFold(k, key) {
				v = append(v, values...)
			}
		}
	}
	return v
}

func (s readStatement) name() string {
	if s.Sid == "" {
		return "(without Sid)"
	}
	return fmt.Sprintf("%q", s.Sid)
}

// matchesCreateGrant reports whether an action of a policy includes kms:CreateGrant.
func matchesCreateGrant(pattern string) bool {
	return matches(strings.ToLower(pattern), "kms:creategrant")
}

// matchesEKS reports whether a pattern of kms:ViaService includes EKS in the region, with or without China's suffix.
func matchesEKS(pattern, region string) bool {
	service := "eks." + region + ".amazonaws.com"
	return matches(pattern, service) || matches(pattern, service+".cn")
}

// matches reports whether s matches an IAM pattern. IAM's wildcards are those of path.Match as long as neither string
// contains a slash or a bracket.
func matches(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}
