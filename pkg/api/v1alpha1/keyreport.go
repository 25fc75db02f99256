package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// KeyReport describes one key in depth: its eligibility for the clusters of a region, what
// its policy and its grants allow, and who depends on it. Its name is the key's ID.
type KeyReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Provenance        `json:",inline"`

	// Region is that of the clusters for which the eligibility was determined, and Account
	// is the caller's.
	Region  string `json:"region,omitempty"`
	Account string `json:"account,omitempty"`
	// Key.UsedBy lists the clusters of the caller's account that use the key, in its region.
	Key KeyListItem `json:"key"`
	// LastUse is the last cryptographic operation.
	LastUse *KeyUse `json:"lastUse,omitempty"`
	// Rotations are absent if they are unknown, or if KMS cannot rotate the key.
	Rotations *Rotations `json:"rotations,omitempty"`
	// Checks are the findings of the key policy, and a dry run of the grant that EKS needs.
	Checks []Check    `json:"checks,omitempty"`
	Grants []KeyGrant `json:"grants,omitempty"`
	// Unknown lists what could not be determined. A list of this report is incomplete only
	// if it is named here.
	Unknown []UnknownFact `json:"unknown,omitempty"`
	Notes   []string      `json:"notes,omitempty"`
}

// KeyEvidence is what KMS and CloudTrail show about the key of a cluster.
type KeyEvidence struct {
	LastUse *KeyUse `json:"lastUse,omitempty"`
	// Rotations are absent if they are unknown, or if KMS cannot rotate the key.
	Rotations *Rotations `json:"rotations,omitempty"`
	Grants    []KeyGrant `json:"grants,omitempty"`
	// Checks are what the key policy means for the cluster's role and for the account, and the result of the last health
	// check of EKS.
	Checks []Check `json:"checks,omitempty"`
	// Unknown lists what could not be determined.
	Unknown []UnknownFact `json:"unknown,omitempty"`
}

// UnknownFact is a part of a report that could not be determined.
type UnknownFact struct {
	// Fact is metadata, aliases, tags, rotation, rotations, lastUse, event, healthCheck, policy, grants or usedBy.
	Fact string `json:"fact"`
	// Action and Resource are the permission that is missing, if that is the reason.
	Action   string `json:"action,omitempty"`
	Resource string `json:"resource,omitempty"`
	Reason   string `json:"reason"`
}

// KeyUse is the last cryptographic operation with a key. The health checks of a cluster
// also use its key, so it does not show that data was read or written.
type KeyUse struct {
	Operation string       `json:"operation,omitempty"`
	Time      *metav1.Time `json:"time,omitempty"`
	// CloudTrailEventID identifies the event that names the principal.
	CloudTrailEventID string `json:"cloudTrailEventId,omitempty"`
	// Event is that event, if it was read.
	Event *KeyEvent `json:"event,omitempty"`
	// TrackedSince is the time from which KMS knows about uses of the key.
	TrackedSince *metav1.Time `json:"trackedSince,omitempty"`
}

// KeyEvent is an event of CloudTrail: a call of KMS and its principal.
type KeyEvent struct {
	ID   string       `json:"id"`
	Name string       `json:"name"`
	Time *metav1.Time `json:"time,omitempty"`
	// Principal is the ARN of the caller, or a service.
	Principal string `json:"principal,omitempty"`
	// Service is the AWS service that made the call on behalf of the principal.
	Service string `json:"service,omitempty"`
	// Address is the source address, or the name of a service.
	Address string `json:"address,omitempty"`
}

// KeyGrant is a grant on a key.
type KeyGrant struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Grantee is a principal or a service.
	Grantee    string   `json:"grantee"`
	Operations []string `json:"operations"`
	// SourceARN is the resource, such as a cluster, for which alone the grant is valid.
	SourceARN string `json:"sourceArn,omitempty"`
	// EncryptionContext is true if the grant is limited to an encryption context.
	EncryptionContext bool `json:"encryptionContext,omitempty"`
	// ContextEquals is the whole encryption context that the grant requires, ContextSubset a part of it.
	ContextEquals map[string]string `json:"encryptionContextEquals,omitempty"`
	ContextSubset map[string]string `json:"encryptionContextSubset,omitempty"`
	Retiring      string            `json:"retiring,omitempty"`
	CreationDate  *metav1.Time      `json:"creationDate,omitempty"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *KeyReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
