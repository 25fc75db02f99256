package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// EncryptionReport states for one cluster whether its data is envelope-encrypted, which
// data that covers, with which key, and whether that key is healthy.
type EncryptionReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Provenance        `json:",inline"`

	Cluster    Cluster    `json:"cluster"`
	Encryption Encryption `json:"encryption"`
	// Key is present only if a customer key is associated.
	Key    *Key   `json:"key,omitempty"`
	Health Health `json:"health"`
	// Evidence is what the cluster itself shows about its encryption.
	Evidence *Evidence `json:"evidence,omitempty"`
	// Controls are the results of ENC-1 to ENC-6.
	Controls []Control `json:"controls,omitempty"`
	// Notes are facts that the reader should know before relying on the report, such
	// as an AWS endpoint override or a call that was not permitted.
	Notes []string `json:"notes,omitempty"`
}

// Evidence is what the cluster itself shows about its encryption.
type Evidence struct {
	APIServers *APIServers `json:"apiServers,omitempty"`
	// Key is what KMS and CloudTrail show about the key. It is absent unless it was requested.
	Key *KeyEvidence `json:"key,omitempty"`
}

// APIServers is what the API servers of the cluster say about themselves.
type APIServers struct {
	// Live is how many API servers renew their Lease, Reached how many of them answered;
	// absent if unknown.
	Live    int `json:"live,omitempty"`
	Reached int `json:"reached,omitempty"`
	// Agreement is whether their metrics name one write key.
	Agreement Agreement `json:"agreement"`
	// WriteKey compares that key to the one that EKS reports.
	WriteKey WriteKey `json:"writeKey"`
	// LastWritten is when one of them last wrote with its key.
	LastWritten *metav1.Time `json:"lastWritten,omitempty"`
	// KMSHealthy is false if the KMS plugin of an API server does not work. It is true if those of all that were
	// queried work: one, or with --api-servers all live ones. It is absent if unknown.
	KMSHealthy *bool `json:"kmsHealthy,omitempty"`
	// Reason is why something about them is unknown, or why the plugin is not healthy.
	Reason string `json:"reason,omitempty"`
}

// EncryptionReportList has one report for each cluster.
type EncryptionReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Provenance      `json:",inline"`

	Items []EncryptionReport `json:"items"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *EncryptionReport) DeepCopyObject() runtime.Object { return deepCopy(r) }

// DeepCopyObject makes the list a runtime.Object, which the kubectl printers need.
func (l *EncryptionReportList) DeepCopyObject() runtime.Object { return deepCopy(l) }

// Cluster identifies and describes the cluster. Its fields come from the kube context
// and, once DescribeCluster has responded, from EKS.
type Cluster struct {
	ARN               string `json:"arn,omitempty"`
	Name              string `json:"name,omitempty"`
	Region            string `json:"region,omitempty"`
	Account           string `json:"account,omitempty"`
	Partition         string `json:"partition,omitempty"`
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	PlatformVersion   string `json:"platformVersion,omitempty"`
	// Status is the status that EKS returned, such as ACTIVE or UPDATING, unchanged.
	Status string `json:"status,omitempty"`
	// Context is the kube context that refers to the cluster, if one was used.
	Context     string     `json:"context,omitempty"`
	Guard       Guard      `json:"guard"`
	GuardReason string     `json:"guardReason,omitempty"`
	ManagedBy   *ManagedBy `json:"managedBy,omitempty"`
}

// Guard states whether the cluster that EKS describes is the one that kubectl uses.
type Guard string

// The guards. Only Match lets a command change anything without confirmation.
const (
	GuardMatch      Guard = "Match"
	GuardMismatch   Guard = "Mismatch"
	GuardUnverified Guard = "Unverified"
)

// ManagedBy names the tool that manages the cluster, as far as its traces show it.
type ManagedBy struct {
	Tool       Tool       `json:"tool"`
	Confidence Confidence `json:"confidence"`
	// Evidence is the trace, such as a tag of the cluster.
	Evidence string `json:"evidence,omitempty"`
	// Also lists the traces of other tools.
	Also []ManagedBy `json:"also,omitempty"`
}

// Tool is a tool that creates and manages clusters.
type Tool string

// The tools whose traces are known.
const (
	ToolPalette        Tool = "Palette"
	ToolCAPA           Tool = "CAPA"
	ToolEksctl         Tool = "eksctl"
	ToolCloudFormation Tool = "CloudFormation"
	ToolCDK            Tool = "CDK"
	ToolTerraform      Tool = "Terraform"
	ToolPulumi         Tool = "Pulumi"
	ToolACK            Tool = "ACK"
	ToolCrossplane     Tool = "Crossplane"
	ToolUpjet          Tool = "Upjet" // Crossplane's provider that is built from Terraform's
	ToolUnknown        Tool = "Unknown"
)

// Confidence grades the evidence for a tool.
type Confidence string

// The confidences, the strongest first.
const (
	ConfidenceCertain  Confidence = "Certain"
	ConfidenceProbable Confidence = "Probable"
	ConfidenceUnknown  Confidence = "Unknown"
)

// Encryption is the verdict on one cluster.
type Encryption struct {
	Verdict Verdict `json:"verdict"`
	Scope   Scope   `json:"scope"`
	// Reason explains the verdict in one or two plain sentences.
	Reason string `json:"reason"`
	// KeyARN is the customer key, as EKS returns it. If that is an alias, it is the key behind
	// it, and a note names the alias.
	KeyARN string `json:"keyArn,omitempty"`
	// Update is the association in progress, or else the most recent one, if EKS still lists one.
	Update *Update `json:"update,omitempty"`
	// UpdatesUnknown is why it is unknown whether an association is in progress. It is
	// absent if this is known.
	UpdatesUnknown string `json:"updatesUnknown,omitempty"`
}

// Verdict states whether a cluster is encrypted, and who owns the key.
type Verdict string

// The verdicts that a report can have.
const (
	VerdictCustomerManagedKey Verdict = "CustomerManagedKey"
	VerdictAWSOwnedKey        Verdict = "AWSOwnedKey"
	VerdictNotEncrypted       Verdict = "NotEncrypted"
	VerdictNotApplicable      Verdict = "NotApplicable"
	VerdictUnknown            Verdict = "Unknown"
)

// Scope states which data the encryption covers.
type Scope string

// The scopes that a report can have.
const (
	ScopeAllAPIData Scope = "AllAPIData"
	ScopeSecrets    Scope = "Secrets"
	ScopeNone       Scope = "None"
	ScopeUnknown    Scope = "Unknown"
)

// Update is one AssociateEncryptionConfig update of EKS.
type Update struct {
	ID string `json:"id"`
	// Status is the status that EKS returned, such as InProgress or Successful.
	Status    string        `json:"status"`
	CreatedAt *metav1.Time  `json:"createdAt,omitempty"`
	KeyARN    string        `json:"keyArn,omitempty"`
	Errors    []UpdateError `json:"errors,omitempty"`
}

// Running reports whether the update has not ended. An unknown status counts as running.
func (u Update) Running() bool {
	switch u.Status {
	case "Successful", "Failed", "Cancelled":
		return false
	}
	return true
}

// UpdateError is one error that EKS reports for an update.
type UpdateError struct {
	Code        string   `json:"code"`
	Message     string   `json:"message"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// Health is the cluster health that EKS reports. It may lag by hours.
type Health struct {
	Degraded bool          `json:"degraded"`
	Issues   []HealthIssue `json:"issues,omitempty"`
}

// HealthIssue is one health issue that DescribeCluster returned, unchanged.
type HealthIssue struct {
	Code        string   `json:"code"`
	Message     string   `json:"message,omitempty"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// Control is the result of one audit control.
type Control struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Result    Result   `json:"result"`
	Reason    string   `json:"reason"`
	Standards []string `json:"standards,omitempty"`
}

// Result is the outcome of a control or a check.
type Result string

// The results. Only checks of a plan use Warn, and only controls use NotApplicable.
const (
	ResultPass          Result = "Pass"
	ResultWarn          Result = "Warn"
	ResultFail          Result = "Fail"
	ResultNotApplicable Result = "NotApplicable"
	ResultUnknown       Result = "Unknown"
)
