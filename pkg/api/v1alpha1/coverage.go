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
	// Resources has one entry for each resource.
	Resources []ResourceCoverage `json:"resources"`
	Verdict   CoverageVerdict    `json:"verdict"`
	// Statement is what was established, in one or two plain sentences.
	Statement string `json:"statement"`
	// Notes limit the statement; they name, for example, the record it relies on.
	Notes []string `json:"notes,omitempty"`
}

// CoverageMethod names how the coverage was established.
type CoverageMethod string

// The methods. ReadOnly writes nothing; the others prove by no-op writes.
const (
	MethodReadOnly CoverageMethod = "ReadOnly"
	MethodSample   CoverageMethod = "Sample"
	MethodProbe    CoverageMethod = "Probe"
	MethodRewrite  CoverageMethod = "Rewrite"
	MethodMigrator CoverageMethod = "Migrator"
)

// CoverageVerdict sums up a CoverageReport.
type CoverageVerdict string

// The coverage verdicts. Proven: every object is proven to be encrypted with the
// current key. Stale: some objects are still encrypted with an older key. NotProven:
// nothing contradicts the current key, but not every object is proven. Incomplete:
// some objects could not be examined.
const (
	CoverageProven     CoverageVerdict = "Proven"
	CoverageNotProven  CoverageVerdict = "NotProven"
	CoverageStale      CoverageVerdict = "Stale"
	CoverageIncomplete CoverageVerdict = "Incomplete"
)

// ResourceCoverage counts the objects of one resource. The counts always add up:
// Total = Current + Rewritten + Gone + Unproven + Failed.
type ResourceCoverage struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
	Total    int64  `json:"total"`
	// Current objects are proven to be encrypted with the current write key.
	Current int64 `json:"current"`
	// Rewritten objects were encrypted with an older key and now use the current one.
	Rewritten int64 `json:"rewritten"`
	// Gone objects were deleted during the run; some may have been created again.
	Gone int64 `json:"gone"`
	// Unproven objects may be encrypted with any key.
	Unproven int64     `json:"unproven"`
	Failed   int64     `json:"failed"`
	Failures []Failure `json:"failures,omitempty"`
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
