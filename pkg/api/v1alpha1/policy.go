package v1alpha1

// PolicyStatement is a statement of a key policy or an IAM policy. Its fields have the names that IAM requires, so
// that it can be pasted into a policy.
type PolicyStatement struct {
	Sid       string                         `json:"Sid,omitempty"`
	Effect    string                         `json:"Effect"`
	Principal map[string]string              `json:"Principal,omitempty"`
	Action    []string                       `json:"Action"`
	Resource  []string                       `json:"Resource"`
	Condition map[string]map[string][]string `json:"Condition,omitempty"`
}
