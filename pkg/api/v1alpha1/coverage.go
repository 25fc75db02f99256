package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// CoverageReport says how much of the existing data is proven to stand under
// the current write key, and by what means.
type CoverageReport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Cluster Cluster        `json:"cluster"`
	Method  CoverageMethod `json:"method"`
	// KeyARN is the key that DescribeCluster names; absent under the AWS-owned key.
	KeyARN     string       `json:"keyArn,omitempty"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	// Resources hold the tallies, one a resource.
	Resources []ResourceCoverage `json:"resources"`
	Verdict   CoverageVerdict    `json:"verdict"`
	// Statement is what was established, in one or two plain sentences, and no more.
	Statement string `json:"statement"`
	// Notes say what limits the statement, for instance a record it rests on.
	Notes []string `json:"notes,omitempty"`
}

// CoverageMethod is how the coverage was established.
type CoverageMethod string

// Methods. ReadOnly writes nothing; the others prove by no-op writes.
const (
	MethodReadOnly CoverageMethod = "ReadOnly"
	MethodSample   CoverageMethod = "Sample"
	MethodProbe    CoverageMethod = "Probe"
	MethodRewrite  CoverageMethod = "Rewrite"
	MethodMigrator CoverageMethod = "Migrator"
)

// CoverageVerdict sums up a CoverageReport.
type CoverageVerdict string

// Coverage verdicts. Proven: every object. Stale: some were found under an
// older key and still are. NotProven: nothing contradicts, but not all is
// proven. Incomplete: some objects could not be examined.
const (
	CoverageProven     CoverageVerdict = "Proven"
	CoverageNotProven  CoverageVerdict = "NotProven"
	CoverageStale      CoverageVerdict = "Stale"
	CoverageIncomplete CoverageVerdict = "Incomplete"
)

// ResourceCoverage is the tally of one resource. It always adds up:
// Total = Current + Rewritten + Gone + Unproven + Failed.
type ResourceCoverage struct {
	Group    string `json:"group"`
	Resource string `json:"resource"`
	Total    int64  `json:"total"`
	// Current objects are proven to stand under the current write key.
	Current int64 `json:"current"`
	// Rewritten objects stood under an older key, and now under the current one.
	Rewritten int64 `json:"rewritten"`
	// Gone objects were deleted (or deleted and made anew) meanwhile.
	Gone int64 `json:"gone"`
	// Unproven objects may stand under any key.
	Unproven int64     `json:"unproven"`
	Failed   int64     `json:"failed"`
	Failures []Failure `json:"failures,omitempty"`
}

// Failure names one object that could not be examined or rewritten.
type Failure struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Reason is the API server's reason word, for instance Forbidden.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
}

// DeepCopyObject makes the report printable by the kubectl printers.
func (r *CoverageReport) DeepCopyObject() runtime.Object { return deepCopy(r) }
