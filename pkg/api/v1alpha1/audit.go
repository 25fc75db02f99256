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
	Scope      AuditScope   `json:"scope"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	Summary    AuditSummary `json:"summary"`
	// Items are the clusters, including those with the verdict Unknown. Clusters found
	// in AWS are in the order of account, region and name; those of a kubeconfig in the
	// order of its contexts.
	Items []EncryptionReport `json:"items"`
	// Keys are the customer keys in use, the most urgent first: keys pending deletion
	// (by deletion date, those without a date last), then unusable keys, then keys whose
	// usability is unknown, then usable ones. Within each of these groups, keys with more
	// clusters come first; the ARN breaks ties. Renderers keep this order.
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
	// Changes are the differences from an earlier report, if one was given.
	Changes *AuditChanges `json:"changes,omitempty"`
	// Notes are facts that the reader should know before relying on the report.
	Notes []string `json:"notes,omitempty"`
}

// AuditScope is the selection of clusters and controls of an audit.
type AuditScope struct {
	Contexts []string `json:"contexts,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Filters  []string `json:"filters,omitempty"`
	// Organization is true if the accounts are those of an AWS organization.
	Organization bool `json:"organization,omitempty"`
	// Shard is I/N if the report covers only part I of N of the accounts, with I from 0 to N-1.
	Shard string `json:"shard,omitempty"`
	// Controls are the ids of the controls that affect the outcome. The results of the
	// others are for information.
	Controls []string `json:"controls,omitempty"`
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
}

// AuditOutcome is the result of the whole audit. It determines the exit code.
type AuditOutcome string

// The outcomes have the exit codes 0, 1 and 3. Finding takes precedence over CannotTell.
const (
	OutcomeHolds      AuditOutcome = "Holds"
	OutcomeFinding    AuditOutcome = "Finding"
	OutcomeCannotTell AuditOutcome = "CannotTell"
)

// AuditControl is one control that the audit evaluates for every cluster.
type AuditControl struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Decides is true if the control affects the outcome: a failure is then a finding.
	Decides   bool       `json:"decides"`
	Standards []Standard `json:"standards,omitempty"`
}

// Standard is one requirement of a published standard.
type Standard struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Wants is "envelope encryption", "a customer-managed key" or "a healthy key".
	Wants string `json:"wants"`
}

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
	// DaysLeft is the number of whole days from the end of the audit to DeletionDate.
	DaysLeft *int      `json:"daysLeft,omitempty"`
	Rotation *Rotation `json:"rotation,omitempty"`
}

// Unreachable is a region, account or kube context that could not be queried.
type Unreachable struct {
	Account string `json:"account,omitempty"`
	// Region is empty if no region of the account could be queried.
	Region string `json:"region,omitempty"`
	Reason string `json:"reason"`
	// Context is the kube context, if the cluster behind it could not be determined.
	Context string `json:"context,omitempty"`
}

// Waived is a finding that its owner accepts until a date.
type Waived struct {
	Cluster string `json:"cluster"`
	Control string `json:"control"`
	Reason  string `json:"reason"`
	Owner   string `json:"owner,omitempty"`
	// Expires is the last second at which the waiver is valid.
	Expires *metav1.Time `json:"expires,omitempty"`
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

// AuditChanges are the differences between a report and an earlier one.
type AuditChanges struct {
	// Since is the time at which the earlier audit finished.
	Since *metav1.Time `json:"since,omitempty"`
	// New, Gone and LostSight are the ARNs of clusters. A cluster that could not be
	// queried this time is in LostSight, not in Gone.
	New       []string `json:"new,omitempty"`
	Gone      []string `json:"gone,omitempty"`
	LostSight []string `json:"lostSight,omitempty"`
	// Regressions are new findings, Fixed are resolved ones.
	Regressions []Change `json:"regressions,omitempty"`
	Fixed       []Change `json:"fixed,omitempty"`
	// Other lists changes that are neither, such as another verdict, key or version.
	Other []Change `json:"other,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// Change is one difference between two reports.
type Change struct {
	Cluster string `json:"cluster"`
	// What is the id of a control, or the path of the field that changed.
	What   string `json:"what"`
	Was    string `json:"was"`
	Is     string `json:"is"`
	Reason string `json:"reason,omitempty"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *AuditReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
