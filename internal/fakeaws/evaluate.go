package fakeaws

import (
	"slices"
	"strconv"
	"strings"
)

// access is a request for one action, with the condition keys that are specific to it. The
// evaluation adds the global keys.
type access struct {
	caller           *Principal
	action, resource string
	context          map[string]string
}

// decision is the outcome of one policy.
type decision int

const (
	silent decision = iota
	allowed
	denied
)

// judge evaluates statements as IAM does: an explicit deny wins, and the default is deny.
// audience selects the statements that apply to the principal (resource policies only).
func (a access) judge(statements []Statement, audience func(Statement) bool) decision {
	result := silent
	for _, s := range statements {
		if !a.concerns(s) || audience != nil && !audience(s) {
			continue
		}
		if s.Effect == "Deny" {
			return denied
		}
		if s.Effect == "Allow" {
			result = allowed
		}
	}
	return result
}

func (a access) concerns(s Statement) bool {
	matches := func(globs StringSet, value string, fold bool) bool {
		return slices.ContainsFunc(globs, func(g string) bool {
			if fold {
				return wildcard(strings.ToLower(g), strings.ToLower(value))
			}
			return wildcard(g, value)
		})
	}
	switch {
	case len(s.Action) > 0 && !matches(s.Action, a.action, true),
		len(s.NotAction) > 0 && matches(s.NotAction, a.action, true),
		len(s.Resource) > 0 && !matches(s.Resource, a.resource, false),
		len(s.NotResource) > 0 && matches(s.NotResource, a.resource, false):
		return false
	}
	return conditionsHold(s.Condition, a.keys())
}

// keys returns the condition keys of the request: the global ones and those of the action.
func (a access) keys() map[string]string {
	keys := map[string]string{
		"aws:principalisawsservice": strconv.FormatBool(a.caller.IsService()),
		"aws:userid":                a.caller.UserID,
		"aws:requestedregion":       parseARN(a.resource).Region,
	}
	if !a.caller.IsService() { // the principal of a service has neither ARN nor account
		keys["aws:principalarn"] = a.caller.roleARN()
		keys["aws:principalaccount"] = a.caller.Account()
	}
	for k, v := range a.context {
		keys[strings.ToLower(k)] = v
	}
	return keys
}

// conditionsHold reports whether all operators and keys hold; one matching value is enough
// for each. An unknown operator never holds, so that a policy does not allow more than it
// does on AWS.
func conditionsHold(conditions map[string]map[string]StringSet, keys map[string]string) bool {
	for operator, tests := range conditions {
		for key, wanted := range tests {
			value, present := keys[strings.ToLower(key)]
			if !conditionHolds(operator, wanted, value, present) {
				return false
			}
		}
	}
	return true
}

func conditionHolds(operator string, wanted StringSet, value string, present bool) bool {
	anyOf := strings.HasPrefix(operator, "ForAnyValue:")
	allOf := strings.HasPrefix(operator, "ForAllValues:")
	_, operator, _ = strings.Cut(":"+operator, ":")
	operator = operator[strings.LastIndex(operator, ":")+1:]
	base, ifExists := strings.CutSuffix(operator, "IfExists")
	if base == "Null" {
		return slices.Contains(wanted, map[bool]string{true: "false", false: "true"}[present])
	}
	negated := strings.Contains(base, "Not")
	if !present {
		return ifExists || allOf || negated && !anyOf
	}
	var same func(pattern, value string) bool
	switch strings.Replace(base, "Not", "", 1) {
	case "StringEquals":
		same = func(p, v string) bool { return p == v }
	case "StringEqualsIgnoreCase", "Bool":
		same = strings.EqualFold
	case "StringLike":
		same = wildcard
	case "ArnLike", "ArnEquals":
		same = arnLike
	default:
		return false
	}
	matches := func(v string) bool {
		return slices.ContainsFunc(wanted, func(p string) bool { return same(p, v) }) != negated
	}
	// A multi-valued key is one comma-separated string.
	values := strings.Split(value, ",")
	switch {
	case anyOf:
		return slices.ContainsFunc(values, matches)
	case allOf:
		return !slices.ContainsFunc(values, func(v string) bool { return !matches(v) })
	}
	return matches(value)
}

// arnLike reports whether an ARN matches a pattern: each of the six parts is compared for itself.
func arnLike(pattern, arn string) bool {
	patterns, parts := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(patterns) != len(parts) {
		return false
	}
	for i := range patterns {
		if !wildcard(patterns[i], parts[i]) {
			return false
		}
	}
	return true
}

// wildcard reports whether s matches an IAM pattern: * is any text, ? any single byte.
func wildcard(pattern, s string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := 0; i <= len(s); i++ {
				if wildcard(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case s == "" || pattern[0] != '?' && pattern[0] != s[0]:
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}

// roleARN returns the value of aws:PrincipalArn: for a session, its role.
func (p *Principal) roleARN() string {
	if p.Role != "" {
		return p.Role
	}
	return p.ARN
}
