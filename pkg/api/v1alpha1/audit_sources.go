package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditSource is an earlier report from which audit --from took its facts.
type AuditSource struct {
	// Path is the name of the file, or - for the standard input.
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	// StartedAt and FinishedAt enclose the time at which its facts were observed.
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	Tool       *ToolVersion `json:"tool,omitempty"`
	Caller     *Caller      `json:"caller,omitempty"`
	// Shard is the part of the accounts that it covers, if not all.
	Shard string `json:"shard,omitempty"`
	// Sources are its own, if it was made from earlier reports.
	Sources []AuditSource `json:"sources,omitempty"`
}
