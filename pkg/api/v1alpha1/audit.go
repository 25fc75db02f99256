package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AuditReport is the result of an audit of many clusters.
type AuditReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Provenance        `json:",inline"`

	// Scope lists the contexts, regions, accounts and filters of the audit.
	Scope AuditScope `json:"scope"`
	// StartedAt and FinishedAt enclose the time at which the facts were observed.
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// JudgedAt is when the rules were applied, if the facts are those of earlier reports.
	// Expiry dates of waivers and the days that keys have left are as of then.
	JudgedAt *metav1.Time `json:"judgedAt,omitempty"`
	// Sources are the earlier reports that the facts come from, if audit --from made the
	// report.
	Sources []AuditSource `json:"sources,omitempty"`
	Summary AuditSummary  `json:"summary"`
	// Items are the clusters, including those with the verdict Unknown. Clusters found
	// in AWS are in the order of account, region and name; those of a kubeconfig in the
	// order of its contexts.
	Items []EncryptionReport `json:"items"`
	// Keys are the customer keys in use, the most urgent first: keys pending deletion, and
	// those whose imported material expires within 30 days (by date, those without a date
	// last), then unusable keys, then keys whose usability is unknown, then usable ones.
	// Within each of these groups, keys with more clusters come first; the ARN breaks ties.
	// Renderers keep this order.
	Keys []AuditKey `json:"keys,omitempty"`
	// Unreachable are the regions, accounts and contexts that could not be queried.
	Unreachable []Unreachable `json:"unreachable,omitempty"`
	Waived      []Waived      `json:"waived,omitempty"`
	// Findings are failed, unwaived controls that affect the outcome, the most severe
	// first, then by control and cluster. Renderers keep this order.
	Findings []Finding `json:"findings,omitempty"`
	// Undecided are controls that affect the outcome and whose result is unknown, in the
	// same order as Findings.
	Undecided []Finding `json:"undecided,omitempty"`
	// OtherTools are the results that other scanners give for the same clusters, with
	// the reasons.
	OtherTools []OtherTools `json:"otherTools,omitempty"`
	// Coverage has one report for each cluster whose existing data was checked.
	Coverage []CoverageReport `json:"coverage,omitempty"`
	// Controls are the controls of the audit, each with the standards that it provides
	// evidence for and the protection that each standard requires.
	Controls []AuditControl `json:"controls,omitempty"`
	// Rules are the approved keys, the waivers and the files that the audit applied.
	Rules *AuditRules `json:"rules,omitempty"`
	// Standard is the published standard that the audit judged, if one was chosen.
	Standard *AuditStandard `json:"standard,omitempty"`
	// Changes are the differences from an earlier report, if one was given.
	Changes *AuditChanges `json:"changes,omitempty"`
	// Trend are the earlier reports that were given and this one, the oldest first.
	Trend []AuditPoint `json:"trend,omitempty"`
	// Notes are facts that the reader should know before relying on the report.
	Notes []string `json:"notes,omitempty"`
}

// AuditSummary counts clusters and results.
type AuditSummary struct {
	Clusters  int                       `json:"clusters"`
	ByVerdict map[Verdict]int           `json:"byVerdict,omitempty"`
	ByControl map[string]map[Result]int `json:"byControl,omitempty"`
	Findings  int                       `json:"findings"`
	Undecided int                       `json:"undecided"`
	Waived    int                       `json:"waived"`
	Outcome   AuditOutcome              `json:"outcome,omitempty"`
	// NotEKS counts the kube contexts that do not lead to an EKS cluster. They are among
	// Items, and not among Clusters.
	NotEKS int `json:"notEKS,omitempty"`
	// Unreachable counts the entries of AuditReport.Unreachable, also those that are waived.
	Unreachable int `json:"unreachable,omitempty"`
}

// AuditOutcome is the result of the whole audit. It determines the exit code.
type AuditOutcome string

// The outcomes have the exit codes 0, 1 and 3. Finding takes precedence over CannotTell.
const (
	OutcomeHolds      AuditOutcome = "Holds"
	OutcomeFinding    AuditOutcome = "Finding"
	OutcomeCannotTell AuditOutcome = "CannotTell"
)

// AuditKey is one customer key and the clusters that use it.
type AuditKey struct {
	ARN   string `json:"arn"`
	State string `json:"state,omitempty"`
	// Clusters are the sorted ARNs of the clusters.
	Clusters []string `json:"clusters"`
	Aliases  []string `json:"aliases,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Usable   Usable   `json:"usable,omitempty"`
	// Reason explains why the key is not usable, or why this is unknown.
	Reason       string       `json:"reason,omitempty"`
	DeletionDate *metav1.Time `json:"deletionDate,omitempty"`
	// ValidTo is the time at which imported key material expires.
	ValidTo *metav1.Time `json:"validTo,omitempty"`
	// DaysLeft is the number of whole days from the end of the audit, or from JudgedAt, to
	// DeletionDate or ValidTo, whichever is earlier.
	DaysLeft *int      `json:"daysLeft,omitempty"`
	Rotation *Rotation `json:"rotation,omitempty"`
}

// Unreachable is a region, account or kube context that could not be queried, or of which a
// report is missing. If the audit was stopped while it verified existing data, it is also one
// whose clusters are in Items, and whose data was not verified.
type Unreachable struct {
	Account string `json:"account,omitempty"`
	// Region is empty if no region of the account could be queried.
	Region string `json:"region,omitempty"`
	Reason string `json:"reason"`
	// Context is the kube context, if the cluster behind it could not be determined.
	Context string `json:"context,omitempty"`
	// Clusters are the sorted ARNs of the clusters of the place that were listed and that were
	// not, or not completely, queried. If it is not empty, other clusters of the place are in
	// Items.
	Clusters []string `json:"clusters,omitempty"`
	// Cause classifies the reason. It is absent if the reason is of no known class.
	Cause UnreachableCause `json:"cause,omitempty"`
	// Missing names shards or accounts of which audit --from got no report, such as shard 1/3.
	// The other fields except Reason are then absent.
	Missing string `json:"missing,omitempty"`
	// Waiver is the waiver that covers the place. The place then does not affect the
	// outcome.
	Waiver *Waived `json:"waiver,omitempty"`
}

// UnreachableCause classifies why a place could not be queried.
type UnreachableCause string

// The causes. ServiceControlPolicy: a service control policy of the organization denies the
// call, so that no permission of the caller can allow it. Interrupted: the audit was
// interrupted or reached its time limit before; no waiver covers such a place.
const (
	CauseServiceControlPolicy UnreachableCause = "ServiceControlPolicy"
	CauseAccessDenied         UnreachableCause = "AccessDenied"
	CauseRegionDisabled       UnreachableCause = "RegionDisabled"
	CauseTimeout              UnreachableCause = "Timeout"
	CauseInterrupted          UnreachableCause = "Interrupted"
)

// Waived is a finding, or a place that could not be queried, that its owner accepts until
// a date.
type Waived struct {
	// Cluster and Control are the waived finding. Both are empty for a place.
	Cluster string `json:"cluster"`
	Control string `json:"control"`
	// Reason is the owner's.
	Reason string `json:"reason"`
	Owner  string `json:"owner,omitempty"`
	// Expires is the last second at which the waiver is valid.
	Expires *metav1.Time `json:"expires,omitempty"`
	// Place is the waived place, such as 111122223333/eu-west-1.
	Place    string   `json:"place,omitempty"`
	Name     string   `json:"name,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Title    string   `json:"title,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	// Finding is why the control failed, or why the place could not be queried.
	Finding string `json:"finding,omitempty"`
	// Standards are the requirements that the finding is evidence against.
	Standards []string `json:"standards,omitempty"`
}

// Finding is one control of one cluster that failed or whose result is unknown.
type Finding struct {
	// Cluster is the ARN, or the kube context if no ARN is known.
	Cluster  string   `json:"cluster"`
	Name     string   `json:"name,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Control  string   `json:"control"`
	Title    string   `json:"title,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	Reason   string   `json:"reason"`
	// Remedy is the next step to resolve the finding.
	Remedy string `json:"remedy,omitempty"`
	// ExpiredWaiver is the waiver that covered the finding most recently.
	ExpiredWaiver *Waived `json:"expiredWaiver,omitempty"`
	// Standards are the requirements that the finding is evidence against. If the audit
	// judged one standard, they are those of that standard.
	Standards []string `json:"standards,omitempty"`
}

// Severity grades a finding.
type Severity string

// The severities, the most severe first.
const (
	SeverityCritical Severity = "Critical"
	SeverityHigh     Severity = "High"
	SeverityMedium   Severity = "Medium"
	SeverityLow      Severity = "Low"
)

// OtherTools are the results of other scanners for the clusters in one state.
type OtherTools struct {
	// State describes the state in plain text.
	State string `json:"state"`
	// Clusters are sorted ARNs.
	Clusters []string    `json:"clusters"`
	Says     []OtherTool `json:"says"`
}

// OtherTool is the result of one scanner, derived from its published logic.
type OtherTool struct {
	Tool  string `json:"tool"`
	Check string `json:"check"`
	// Says is the result in the tool's own term, such as FAIL or NON_COMPLIANT.
	Says string `json:"says"`
	// Agrees is true if the result is correct.
	Agrees bool   `json:"agrees"`
	Why    string `json:"why"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *AuditReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
