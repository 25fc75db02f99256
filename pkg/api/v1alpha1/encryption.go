package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// EncryptionReport says, for one cluster: is the data envelope-encrypted, of
// what, with whose key, and is that key healthy.
type EncryptionReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Cluster    Cluster    `json:"cluster"`
	Encryption Encryption `json:"encryption"`
	// Key is present only with a customer key.
	Key    *Key   `json:"key,omitempty"`
	Health Health `json:"health"`
	// Controls are the answers to ENC-1 … ENC-6.
	Controls []Control `json:"controls,omitempty"`
	// Notes are facts the reader should know before relying on the report, such
	// as an AWS endpoint override in force or a call that was not permitted.
	Notes []string `json:"notes,omitempty"`
}

// EncryptionReportList holds one report a cluster.
type EncryptionReportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []EncryptionReport `json:"items"`
}

// DeepCopyObject makes the report printable by the kubectl printers.
func (r *EncryptionReport) DeepCopyObject() runtime.Object { return deepCopy(r) }

// DeepCopyObject makes the list printable by the kubectl printers.
func (l *EncryptionReportList) DeepCopyObject() runtime.Object { return deepCopy(l) }

// Cluster is what was learnt of the cluster itself. Fields come from the kube
// context first and from DescribeCluster once it has answered.
type Cluster struct {
	ARN               string `json:"arn,omitempty"`
	Name              string `json:"name,omitempty"`
	Region            string `json:"region,omitempty"`
	Account           string `json:"account,omitempty"`
	Partition         string `json:"partition,omitempty"`
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	PlatformVersion   string `json:"platformVersion,omitempty"`
	// Status is EKS's own word: ACTIVE, UPDATING, … An unknown one is passed on.
	Status string `json:"status,omitempty"`
	// Context is the kube context that led here, if one did.
	Context     string     `json:"context,omitempty"`
	Guard       Guard      `json:"guard"`
	GuardReason string     `json:"guardReason,omitempty"`
	ManagedBy   *ManagedBy `json:"managedBy,omitempty"`
}

// Guard says whether the cluster EKS describes is the one kubectl talks to.
type Guard string

// Guards. Only Match lets a command change anything unasked.
const (
	GuardMatch      Guard = "Match"
	GuardMismatch   Guard = "Mismatch"
	GuardUnverified Guard = "Unverified"
)

// ManagedBy names the tool that manages the cluster, as far as its traces tell.
type ManagedBy struct {
	Tool       Tool       `json:"tool"`
	Confidence Confidence `json:"confidence"`
	// Evidence is the trace, for instance a tag of the cluster.
	Evidence string `json:"evidence,omitempty"`
}

// Tool is what creates and changes clusters for people.
type Tool string

// Tools whose traces are known.
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
	ToolUnknown        Tool = "Unknown"
)

// Confidence is how far a trace can be trusted.
type Confidence string

// Confidences.
const (
	ConfidenceCertain  Confidence = "Certain"
	ConfidenceProbable Confidence = "Probable"
	ConfidenceUnknown  Confidence = "Unknown"
)

// Encryption is the verdict on one cluster.
type Encryption struct {
	Verdict Verdict `json:"verdict"`
	Scope   Scope   `json:"scope"`
	// Reason is one plain sentence for people.
	Reason string `json:"reason"`
	// KeyARN is the customer key, as EKS names it.
	KeyARN string `json:"keyArn,omitempty"`
	// Update is the association seen last, if EKS still lists one.
	Update *Update `json:"update,omitempty"`
}

// Verdict answers "encrypted, and with whose key?".
type Verdict string

// Verdicts.
const (
	VerdictCustomerManagedKey Verdict = "CustomerManagedKey"
	VerdictAWSOwnedKey        Verdict = "AWSOwnedKey"
	VerdictNotEncrypted       Verdict = "NotEncrypted"
	VerdictNotApplicable      Verdict = "NotApplicable"
	VerdictUnknown            Verdict = "Unknown"
)

// Scope answers "of what?".
type Scope string

// Scopes.
const (
	ScopeAllAPIData Scope = "AllAPIData"
	ScopeSecrets    Scope = "Secrets"
	ScopeNone       Scope = "None"
	ScopeUnknown    Scope = "Unknown"
)

// Update is one AssociateEncryptionConfig update of EKS.
type Update struct {
	ID string `json:"id"`
	// Status is EKS's own word: InProgress, Successful, Failed, Cancelled, …
	Status    string        `json:"status"`
	CreatedAt *metav1.Time  `json:"createdAt,omitempty"`
	KeyARN    string        `json:"keyArn,omitempty"`
	Errors    []UpdateError `json:"errors,omitempty"`
}

// UpdateError is one error that EKS reports of an update.
type UpdateError struct {
	Code        string   `json:"code"`
	Message     string   `json:"message"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// Health is what EKS says of the cluster's health; it may lag by hours.
type Health struct {
	Degraded bool          `json:"degraded"`
	Issues   []HealthIssue `json:"issues,omitempty"`
}

// HealthIssue is one issue of DescribeCluster, spelled as EKS spelled it.
type HealthIssue struct {
	Code        string   `json:"code"`
	Message     string   `json:"message,omitempty"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// Control is the answer to one question that auditors ask.
type Control struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Result    Result   `json:"result"`
	Reason    string   `json:"reason"`
	Standards []string `json:"standards,omitempty"`
}

// Result is the outcome of a control or a check.
type Result string

// Results. Warn belongs to the checks of a plan, NotApplicable to controls.
const (
	ResultPass          Result = "Pass"
	ResultWarn          Result = "Warn"
	ResultFail          Result = "Fail"
	ResultNotApplicable Result = "NotApplicable"
	ResultUnknown       Result = "Unknown"
)
