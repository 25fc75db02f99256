package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditPoint is one audit of a trend: its numbers, and how far they can be compared.
type AuditPoint struct {
	// Time is the time at which the audit finished.
	Time     *metav1.Time    `json:"time,omitempty"`
	Outcome  AuditOutcome    `json:"outcome,omitempty"`
	Clusters int             `json:"clusters"`
	Verdicts map[Verdict]int `json:"verdicts,omitempty"`
	Findings int             `json:"findings"`
	// Severities counts the findings by severity. A finding without one counts as "".
	Severities map[Severity]int `json:"severities,omitempty"`
	Undecided  int              `json:"undecided"`
	Waived     int              `json:"waived"`
	// Answered counts the regions of accounts whose clusters EKS listed completely, and
	// Unreachable the places that could not be queried, also those with a waiver.
	Answered    int `json:"answered"`
	Unreachable int `json:"unreachable"`
	// OtherScope names what of the scope and the rules differs from the current audit, such
	// as regions. The numbers are then of other clusters, or of other controls.
	OtherScope []string `json:"otherScope,omitempty"`
	// NotComparable explains why the numbers cannot be compared with those of the point
	// before this one: the scope differs, or the two audits did not see the same places. A
	// lower number is then not necessarily an improvement.
	NotComparable []string `json:"notComparable,omitempty"`
}
