package v1alpha1

import "encoding/json"

// PolicyStatement is a statement of a key policy or an IAM policy. Its fields have the names that IAM requires, so
// that it can be pasted into a policy.
type PolicyStatement struct {
	Sid       string                         `json:"Sid,omitempty"`
	Effect    string                         `json:"Effect"`
	Principal Principals                     `json:"Principal,omitempty"`
	Action    []string                       `json:"Action"`
	Resource  []string                       `json:"Resource"`
	Condition map[string]map[string][]string `json:"Condition,omitempty"`
}

// Principals are the principals of a statement by kind, "AWS" or "Service".
type Principals map[string]string

// MarshalJSON returns the form of IAM: "*" for everyone, otherwise an object.
func (p Principals) MarshalJSON() ([]byte, error) {
	if p["*"] != "" {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string]string(p))
}
