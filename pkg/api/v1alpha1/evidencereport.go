package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// EvidenceReport states whether an evidence file verifies, and what it shows.
type EvidenceReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// Provenance is that of this check, not of the evidence.
	Provenance `json:",inline"`

	File string `json:"file"`
	// SHA256 is the digest of the whole file.
	SHA256 string         `json:"sha256"`
	Result EvidenceResult `json:"result"`
	// Signature is absent if the file is not signed, or could not be read.
	Signature *EvidenceSignature `json:"signature,omitempty"`
	Checks    []Check            `json:"checks"`
	// Content is what the evidence shows. It is absent if a check failed.
	Content *EvidenceContent `json:"content,omitempty"`
}

// EvidenceResult sums up an EvidenceReport.
type EvidenceResult string

// Verified: every check passed, and the signature is one of the given key. Failed: a check
// failed, so the file proves nothing. Unsigned: it has no signature, so anyone can have
// written it. NotChecked: it has a signature, but no key was given to check it with.
const (
	EvidenceVerified   EvidenceResult = "Verified"
	EvidenceFailed     EvidenceResult = "Failed"
	EvidenceUnsigned   EvidenceResult = "Unsigned"
	EvidenceNotChecked EvidenceResult = "NotChecked"
)

// EvidenceSignature is the signature of an evidence file.
type EvidenceSignature struct {
	// KeyID is the fingerprint of the public key that the file names.
	KeyID string `json:"keyId"`
	// Key is the key that the signature was checked with: a file, or the ARN of a KMS key.
	Key       string `json:"key,omitempty"`
	Algorithm string `json:"algorithm,omitempty"`
}

// EvidenceContent is the essence of the report in an evidence file.
type EvidenceContent struct {
	// Kind is the kind of the report.
	Kind string `json:"kind"`
	// Clusters are the sorted ARNs of the clusters that the evidence is about.
	Clusters []string `json:"clusters"`
	// Verdict is that of the report; for an audit it is its outcome.
	Verdict   string `json:"verdict,omitempty"`
	Statement string `json:"statement,omitempty"`
	// KeyARN is the key of the cluster.
	KeyARN     string       `json:"keyArn,omitempty"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// Caller and Tool made the report.
	Caller    *Caller            `json:"caller,omitempty"`
	Tool      *ToolVersion       `json:"tool,omitempty"`
	Servers   *CoverageServers   `json:"servers,omitempty"`
	Agreement *CoverageAgreement `json:"agreement,omitempty"`
	Control   CoverageControl    `json:"control,omitempty"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *EvidenceReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
