package encryption

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Requirement is a condition that a pipeline can require of a cluster.
type Requirement string

// The requirements: any envelope encryption, or a customer-managed key.
const (
	RequireEnvelope Requirement = "envelope"
	RequireCMK      Requirement = "cmk"
)

// ParseRequirement parses a requirement, ignoring case. The empty string means no
// requirement.
func ParseRequirement(s string) (Requirement, error) {
	switch r := Requirement(strings.ToLower(s)); r {
	case "", RequireEnvelope, RequireCMK:
		return r, nil
	}
	return "", fmt.Errorf("unknown requirement %q: must be one of %s, %s", s, RequireEnvelope, RequireCMK)
}

// Check returns Pass, Fail or Unknown, with the reason. It returns Unknown if the
// report describes a cluster other than the one that kubectl uses. An unusable key
// fails both requirements: once the API server restarts, it cannot write new data. A key
// that could not be checked is Unknown for both, as it is in an audit.
func (q Requirement) Check(r *v1alpha1.EncryptionReport) (v1alpha1.Result, string) {
	if r.Cluster.Guard == v1alpha1.GuardMismatch {
		return v1alpha1.ResultUnknown,
			"the report describes another cluster than the kube context: " + r.Cluster.GuardReason
	}
	e := r.Encryption
	switch e.Verdict {
	case v1alpha1.VerdictNotEncrypted:
		return v1alpha1.ResultFail, e.Reason
	case v1alpha1.VerdictAWSOwnedKey:
		if q == RequireCMK {
			return v1alpha1.ResultFail, "the key is owned by AWS, not customer-managed"
		}
		return v1alpha1.ResultPass, e.Reason
	case v1alpha1.VerdictCustomerManagedKey:
		if r.Key != nil && r.Key.Usable == v1alpha1.UsableNo {
			return v1alpha1.ResultFail, "the key is not usable: " + r.Key.Reason
		}
		if r.Key == nil || r.Key.Usable != v1alpha1.UsableYes {
			reason := "it is unknown whether the key is usable"
			if r.Key != nil && r.Key.Reason != "" {
				reason += ": " + r.Key.Reason
			}
			return v1alpha1.ResultUnknown, reason
		}
		return v1alpha1.ResultPass, e.Reason
	}
	return v1alpha1.ResultUnknown, e.Reason
}

// Requirements returns the names of the requirements.
func Requirements() []string { return []string{string(RequireEnvelope), string(RequireCMK)} }
