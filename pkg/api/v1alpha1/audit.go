package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AuditReport is the answer for a whole fleet.
type AuditReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Scope says what was looked at: contexts, regions, accounts, filters.
	Scope      AuditScope   `json:"scope"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	Summary    AuditSummary `json:"summary"`
	// Items are the clusters, those with an Unknown verdict included.
	Items []EncryptionReport `json:"items"`
	// Keys are the customer keys in use, with the clusters that hang on each.
	Keys []AuditKey `json:"keys,omitempty"`
	// Unreachable are the regions and accounts that could not be asked.
	Unreachable []Unreachable `json:"unreachable,omitempty"`
	Waived      []Waived      `json:"waived,omitempty"`
}

// AuditScope is what an audit was asked to look at.
type AuditScope struct {
	Contexts []string `json:"contexts,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Filters  []string `json:"filters,omitempty"`
}

// AuditSummary counts clusters and results.
type AuditSummary struct {
	Clusters  int                       `json:"clusters"`
	ByVerdict map[Verdict]int           `json:"byVerdict,omitempty"`
	ByControl map[string]map[Result]int `json:"byControl,omitempty"`
}

// AuditKey is one customer key and the clusters that hang on it.
type AuditKey struct {
	ARN   string `json:"arn"`
	State string `json:"state,omitempty"`
	// Clusters are ARNs.
	Clusters []string `json:"clusters"`
}

// Unreachable is a region of an account that could not be asked.
type Unreachable struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	Reason  string `json:"reason"`
}

// Waived is a finding that somebody answers for until a date.
type Waived struct {
	Cluster string       `json:"cluster"`
	Control string       `json:"control"`
	Reason  string       `json:"reason"`
	Owner   string       `json:"owner,omitempty"`
	Expires *metav1.Time `json:"expires,omitempty"`
}

// DeepCopyObject makes the report printable by the kubectl printers.
func (r *AuditReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
