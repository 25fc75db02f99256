package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CoverageReport states how much of the existing data is proven to be encrypted with
// the current write key, and how this was established.
type CoverageReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Provenance        `json:",inline"`

	Cluster Cluster        `json:"cluster"`
	Method  CoverageMethod `json:"method"`
	// KeyARN is the key that DescribeCluster returns. It is absent for the AWS-owned key.
	KeyARN     string       `json:"keyArn,omitempty"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// Servers are the API servers that the result holds for.
	Servers *CoverageServers `json:"servers,omitempty"`
	// Agreement is whether all of them write with one key. It is absent if nothing was
	// written.
	Agreement *CoverageAgreement `json:"agreement,omitempty"`
	// Control is whether an object that is certainly encrypted with an older key was
	// recognized as such.
	Control CoverageControl `json:"control,omitempty"`
	// Resources has one entry for each resource.
	Resources []ResourceCoverage `json:"resources"`
	Verdict   CoverageVerdict    `json:"verdict"`
	// Statement is what was established, in one or two plain sentences.
	Statement string `json:"statement"`
	// Notes limit the statement; they name, for example, the record it relies on.
	Notes []string `json:"notes,omitempty"`
}

// CoverageServers are the API servers behind the connections of a run.
type CoverageServers struct {
	// Live is how many API servers renew their Lease; absent if unknown.
	Live int `json:"live,omitempty"`
	// Reached is how many of them a connection led to; absent if unknown.
	Reached int `json:"reached,omitempty"`
	// By is how the servers were identified.
	By ServerIdentity `json:"by,omitempty"`
	// WriteKey is what the metrics of the servers say about their write key.
	WriteKey WriteKey `json:"writeKey,omitempty"`
	// Reason is why something about them is unknown.
	Reason string `json:"reason,omitempty"`
}

// ServerIdentity names what distinguished the API servers.
type ServerIdentity string

// Lease: by the metrics of each server, which name its Lease. Certificate: by its
// certificate.
const (
	ServerByLease       ServerIdentity = "Lease"
	ServerByCertificate ServerIdentity = "Certificate"
)

// WriteKey compares the key that the API servers write with to the one that EKS reports.
type WriteKey string

// MatchesARN: every server that was reached names the sha256 of the key's ARN.
// Unrecognized: they name a key whose id is not the ARN.
const (
	WriteKeyMatchesARN   WriteKey = "MatchesARN"
	WriteKeyUnrecognized WriteKey = "Unrecognized"
	WriteKeyUnknown      WriteKey = "Unknown"
)

// CoverageAgreement is the outcome of the same no-op write on every API server.
type CoverageAgreement struct {
	// Before is the outcome before the first write, After at the end of the run.
	Before Agreement `json:"before"`
	After  Agreement `json:"after"`
	// Connections is how many connections were asked.
	Connections int `json:"connections,omitempty"`
}

// Agreement is whether the API servers write with one key.
type Agreement string

// The agreements.
const (
	Agree            Agreement = "Agree"
	Disagree         Agreement = "Disagree"
	AgreementUnknown Agreement = "Unknown"
)

// CoverageControl is the outcome of the positive control.
type CoverageControl string

// Passed: an object that was not written since before the association was stale, as
// expected. Contradicted: such an object was called current, so the answers of that
// API server prove nothing. None: there was no such object.
const (
	ControlPassed       CoverageControl = "Passed"
	ControlNone         CoverageControl = "None"
	ControlContradicted CoverageControl = "Contradicted"
)

// CoverageMethod names how the coverage was established.
type CoverageMethod string

// The methods. ReadOnly and Metrics write nothing; the others prove by no-op writes.
const (
	MethodReadOnly CoverageMethod = "ReadOnly"
	MethodSample   CoverageMethod = "Sample"
	MethodProbe    CoverageMethod = "Probe"
	MethodRewrite  CoverageMethod = "Rewrite"
	MethodMigrator CoverageMethod = "Migrator"
	MethodMetrics  CoverageMethod = "Metrics"
)

// CoverageVerdict sums up a CoverageReport.
type CoverageVerdict string

// The coverage verdicts. Proven: every object is proven to be encrypted with the
// current key. Recorded: a record in the cluster says so, which its users can forge.
// Stale: some objects are shown to be encrypted with an older key. NotProven: nothing
// contradicts the current key, but not every object is proven. Contradicted: the API
// servers called an object current that cannot be. Incomplete: some objects could not
// be examined.
const (
	CoverageProven       CoverageVerdict = "Proven"
	CoverageRecorded     CoverageVerdict = "Recorded"
	CoverageNotProven    CoverageVerdict = "NotProven"
	CoverageStale        CoverageVerdict = "Stale"
	CoverageContradicted CoverageVerdict = "Contradicted"
	CoverageIncomplete   CoverageVerdict = "Incomplete"
)

// ResourceCoverage counts the objects of one resource. The counts always add up:
// Total = Current + Rewritten + Gone + Unproven + Failed.
type ResourceCoverage struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
	Total    int64  `json:"total"`
	// Current objects are proven to be encrypted with the current write key.
	Current int64 `json:"current"`
	// Rewritten objects were written by the storage during the run and are encrypted with
	// the current write key now. Why they were written is not known for each of them: a
	// stale key, an older storage version, another client.
	Rewritten int64 `json:"rewritten"`
	// Stale is how many of the rewritten (with the method Metrics: of the unproven)
	// objects are shown to have been encrypted with an older key; the others may have
	// been as well.
	Stale int64 `json:"stale,omitempty"`
	// Gone objects were deleted during the run.
	Gone int64 `json:"gone"`
	// Unproven objects may be encrypted with any key.
	Unproven int64     `json:"unproven"`
	Failed   int64     `json:"failed"`
	Failures []Failure `json:"failures,omitempty"`
	// ResourceVersions are those of the lists; absent if unknown.
	ResourceVersions *ResourceVersions `json:"resourceVersions,omitempty"`
}

// ResourceVersions are the resourceVersions of the first and of the closing list of a run.
type ResourceVersions struct {
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Failure names one object that could not be examined or rewritten.
type Failure struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Reason is the reason that the API server returned, such as Forbidden.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// DeepCopyObject makes the report a runtime.Object, which the kubectl printers need.
func (r *CoverageReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
