package fakeaws

import (
	"encoding/json"
	"fmt"
)

// Statement is one statement of an IAM or key policy, in IAM's JSON format.
type Statement struct {
	Sid          string    `json:"Sid,omitempty"`
	Effect       string    `json:"Effect"`
	Principal    Audience  `json:"Principal,omitzero"`
	Action       StringSet `json:"Action,omitempty"`
	NotAction    StringSet `json:"NotAction,omitempty"`
	Resource     StringSet `json:"Resource,omitempty"`
	NotResource  StringSet `json:"NotResource,omitempty"`
	NotPrincipal Audience  `json:"NotPrincipal,omitzero"`
	// Condition is operator → key → values.
	Condition map[string]map[string]StringSet `json:"Condition,omitempty"`
}

// Allow returns a statement that allows an action on resources. Both are patterns; without
// resources it applies to all.
func Allow(action string, resources ...string) Statement {
	return statement("Allow", action, resources)
}

// Deny returns a statement that denies an action on resources. Both are patterns; without
// resources it applies to all.
func Deny(action string, resources ...string) Statement {
	return statement("Deny", action, resources)
}

func statement(effect, action string, resources []string) Statement {
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	return Statement{Effect: effect, Action: StringSet{action}, Resource: resources}
}

// StringSet is a list of strings. In JSON it may also be a single string.
type StringSet []string

// UnmarshalJSON accepts a string, a boolean or a list of them.
func (s *StringSet) UnmarshalJSON(data []byte) error {
	var raw any
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = nil
	list, ok := raw.([]any)
	if !ok {
		list = []any{raw}
	}
	for _, v := range list {
		switch v := v.(type) {
		case string, bool:
			*s = append(*s, fmt.Sprint(v))
		default:
			return fmt.Errorf("policy value %v is neither a string nor a list of strings", v)
		}
	}
	return nil
}

// Audience is the Principal element of a statement: "*", or ARNs and services.
type Audience struct {
	AWS     StringSet `json:"AWS,omitempty"`
	Service StringSet `json:"Service,omitempty"`
}

// UnmarshalJSON accepts "*" and the object form.
func (a *Audience) UnmarshalJSON(data []byte) error {
	if string(data) == `"*"` {
		*a = Audience{AWS: StringSet{"*"}}
		return nil
	}
	type plain Audience
	return json.Unmarshal(data, (*plain)(a))
}
