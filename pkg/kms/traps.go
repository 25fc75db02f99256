package kms

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Traps are what a key policy has in store for an association.
type Traps struct {
	// Blocking conditions make every statement that allows CreateGrant useless for
	// EKS, or are those of a statement that denies it.
	Blocking []string
	// ViaEKS says that CreateGrant is allowed by way of EKS alone, so that trying it
	// directly tells nothing.
	ViaEKS bool
}

// condition is operator → key → values, each a string or a list.
type condition map[string]map[string]oneOrMany

type readStatement struct {
	Sid       string
	Effect    string
	Action    oneOrMany
	Condition condition
}

// oneOrMany is IAM's "a string, or a list of them".
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

type statements []readStatement

func (s *statements) UnmarshalJSON(raw []byte) error {
	var one readStatement
	if json.Unmarshal(raw, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]readStatement)(s))
}

// FindTraps reads a key policy for the conditions that keep EKS from being granted
// the key in the region, though everything else looks right. It doesn't say that
// the caller is allowed: policies of the caller's own count as well.
func FindTraps(policy, region string) (Traps, error) {
	var doc struct{ Statement statements }
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		return Traps{}, fmt.Errorf("reading the key policy: %w", err)
	}
	var t Traps
	var blocked []string
	free, viaEKS := false, false
	for _, s := range doc.Statement {
		if !slices.ContainsFunc(s.Action, allowsCreateGrant) {
			continue
		}
		forAWS, via := s.Condition.values("kms:GrantIsForAWSResource"), s.Condition.values("kms:ViaService")
		byEKS := slices.ContainsFunc(via, func(pattern string) bool { return matchesEKS(pattern, region) })
		switch {
		case s.Effect == "Deny" && (len(forAWS) > 0 || len(via) > 0 && !byEKS):
			t.Blocking = append(t.Blocking, fmt.Sprintf("statement %s denies kms:CreateGrant by a condition on kms:GrantIsForAWSResource or kms:ViaService, which EKS may not meet", named(s.Sid)))
		case s.Effect != "Allow":
		case slices.Contains(forAWS, "true"):
			blocked = append(blocked, fmt.Sprintf("statement %s allows kms:CreateGrant only with kms:GrantIsForAWSResource, which EKS doesn't meet", named(s.Sid)))
		case len(via) > 0 && !byEKS:
			blocked = append(blocked, fmt.Sprintf("statement %s allows kms:CreateGrant only by way of %s, not of eks.%s.amazonaws.com", named(s.Sid), strings.Join(via, ", "), region))
		case byEKS:
			viaEKS = true
		default:
			free = true
		}
	}
	if !free && !viaEKS {
		t.Blocking = append(t.Blocking, blocked...)
	}
	t.ViaEKS = viaEKS && !free
	return t, nil
}

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

func allowsCreateGrant(pattern string) bool {
	return matches(strings.ToLower(pattern), "kms:creategrant")
}

// matches knows the wildcards of IAM, which are those of path.Match as long as
// neither side has a slash or a bracket.
func matches(pattern, s string) bool {
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}

func named(sid string) string {
	if sid == "" {
		return "(without Sid)"
	}
	return fmt.Sprintf("%q", sid)
}

// matchesEKS holds for the service name of EKS in the region, with China's suffix
// or without.
func matchesEKS(pattern, region string) bool {
	service := "eks." + region + ".amazonaws.com"
	return matches(pattern, service) || matches(pattern, service+".cn")
}
