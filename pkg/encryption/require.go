package encryption

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Requirement is what a pipeline may demand of a cluster.
type Requirement string

// Requirements.
const (
	RequireEnvelope Requirement = "envelope"
	RequireCMK      Requirement = "cmk"
)

// ParseRequirement reads a requirement; empty stays empty, for none.
func ParseRequirement(s string) (Requirement, error) {
	switch r := Requirement(strings.ToLower(s)); r {
	case "", RequireEnvelope, RequireCMK:
		return r, nil
	}
	return "", fmt.Errorf("unknown requirement %q: one of %s, %s", s, RequireEnvelope, RequireCMK)
}

// Check holds a report against a requirement: Pass, Fail or Unknown, with the
// reason. A report on another cluster than kubectl's tells nothing of kubectl's. A
// key that EKS can't use fails either requirement: new data can't be written under
// it once the API server restarts.
func (q Requirement) Check(r *v1alpha1.EncryptionReport) (v1alpha1.Result, string) {
	if r.Cluster.Guard == v1alpha1.GuardMismatch {
		return v1alpha1.ResultUnknown, "the report is about another cluster than the kube context: " + r.Cluster.GuardReason
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
		return v1alpha1.ResultPass, e.Reason
	}
	return v1alpha1.ResultUnknown, e.Reason
}

// Requirements returns the names of the requirements.
func Requirements() []string { return []string{string(RequireEnvelope), string(RequireCMK)} }
