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
	// Findings are the failed controls that decide and that nobody answers for.
	Findings []Finding `json:"findings,omitempty"`
	// Undecided are the controls that decide and could not be answered.
	Undecided []Finding `json:"undecided,omitempty"`
	// OtherTools say what other auditors make of the same clusters, and why.
	OtherTools []OtherTools `json:"otherTools,omitempty"`
	// Coverage is present where the existing data was looked at, one a cluster.
	Coverage []CoverageReport `json:"coverage,omitempty"`
	// Controls are the questions, each with the standards it gives evidence for and
	// what each of these really asks.
	Controls []AuditControl `json:"controls,omitempty"`
	// Changes are those since an earlier report that was given to compare with.
	Changes *AuditChanges `json:"changes,omitempty"`
	// Notes are facts the reader should know before relying on the report.
	Notes []string `json:"notes,omitempty"`
}

// AuditScope is what an audit was asked to look at.
type AuditScope struct {
	Contexts []string `json:"contexts,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Filters  []string `json:"filters,omitempty"`
	// Organization says that the accounts are those of an AWS organization.
	Organization bool `json:"organization,omitempty"`
	// Controls are the ids of those that decide; the others are for information.
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

// AuditOutcome is the answer of the whole audit, as the exit code gives it.
type AuditOutcome string

// Outcomes: exit codes 0, 1 and 3. A finding outweighs what could not be told.
const (
	OutcomeHolds      AuditOutcome = "Holds"
	OutcomeFinding    AuditOutcome = "Finding"
	OutcomeCannotTell AuditOutcome = "CannotTell"
)

// AuditControl is one question that the audit asks of every cluster.
type AuditControl struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Decides says whether a failure is a finding of this audit.
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

// AuditKey is one customer key and the clusters that hang on it.
type AuditKey struct {
	ARN   string `json:"arn"`
	State string `json:"state,omitempty"`
	// Clusters are ARNs.
	Clusters []string `json:"clusters"`
	Aliases  []string `json:"aliases,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Usable   Usable   `json:"usable,omitempty"`
	// Reason says why the key is (not) usable, or why that is unknown.
	Reason       string       `json:"reason,omitempty"`
	DeletionDate *metav1.Time `json:"deletionDate,omitempty"`
	// DaysLeft are the whole days until the deletion date, at the end of the audit.
	DaysLeft *int      `json:"daysLeft,omitempty"`
	Rotation *Rotation `json:"rotation,omitempty"`
}

// Unreachable is a region of an account that could not be asked.
type Unreachable struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
	Reason  string `json:"reason"`
	// Context is the kube context, where one led to something that can't be told.
	Context string `json:"context,omitempty"`
}

// Waived is a finding that somebody answers for until a date.
type Waived struct {
	Cluster string       `json:"cluster"`
	Control string       `json:"control"`
	Reason  string       `json:"reason"`
	Owner   string       `json:"owner,omitempty"`
	Expires *metav1.Time `json:"expires,omitempty"`
}

// Finding is one control of one cluster that failed, or that nobody could answer.
type Finding struct {
	// Cluster is the ARN, or the kube context where no ARN is known.
	Cluster  string   `json:"cluster"`
	Name     string   `json:"name,omitempty"`
	Account  string   `json:"account,omitempty"`
	Region   string   `json:"region,omitempty"`
	Control  string   `json:"control"`
	Title    string   `json:"title,omitempty"`
	Severity Severity `json:"severity,omitempty"`
	Reason   string   `json:"reason"`
	// Remedy is what to do about it.
	Remedy string `json:"remedy,omitempty"`
	// ExpiredWaiver is the waiver that would have covered it.
	ExpiredWaiver *Waived `json:"expiredWaiver,omitempty"`
}

// Severity is how much a finding matters.
type Severity string

// Severities.
const (
	SeverityCritical Severity = "Critical"
	SeverityHigh     Severity = "High"
	SeverityMedium   Severity = "Medium"
	SeverityLow      Severity = "Low"
)

// OtherTools is what other auditors say of clusters in one state.
type OtherTools struct {
	// State is the state in words: the tools know no name for it.
	State string `json:"state"`
	// Clusters are ARNs.
	Clusters []string    `json:"clusters"`
	Says     []OtherTool `json:"says"`
}

// OtherTool is the answer of one auditor, as its published logic gives it.
type OtherTool struct {
	Tool  string `json:"tool"`
	Check string `json:"check"`
	// Says is the tool's own word: FAIL, WARN, NON_COMPLIANT, …
	Says string `json:"says"`
	// Agrees tells whether the word is true of the cluster.
	Agrees bool   `json:"agrees"`
	Why    string `json:"why"`
}

// AuditChanges compare a report with an earlier one.
type AuditChanges struct {
	// Since is when the earlier audit ended.
	Since *metav1.Time `json:"since,omitempty"`
	// New and Gone clusters are ARNs. A cluster that could not be asked this time
	// is not gone but in LostSight.
	New       []string `json:"new,omitempty"`
	Gone      []string `json:"gone,omitempty"`
	LostSight []string `json:"lostSight,omitempty"`
	// Regressions are findings that were none, Fixed the ones that no longer are.
	Regressions []Change `json:"regressions,omitempty"`
	Fixed       []Change `json:"fixed,omitempty"`
	// Other changes are neither: another verdict, key or version.
	Other []Change `json:"other,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// Change is one thing that is not as it was.
type Change struct {
	Cluster string `json:"cluster"`
	// What is a control's id, or the field that changed.
	What   string `json:"what"`
	Was    string `json:"was"`
	Is     string `json:"is"`
	Reason string `json:"reason,omitempty"`
}

// DeepCopyObject makes the report printable by the kubectl printers.
func (r *AuditReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
