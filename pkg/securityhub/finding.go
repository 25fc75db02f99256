package securityhub

import (
	"slices"
	"strings"
	"time"
)

// ToolName is the name of this program in Security Hub: the product, the start of every GeneratorId, and the start of
// every key of the product fields.
const ToolName = "kubectl-eks_encrypt"

// The product fields that state the origin of an audit: two fields, and all that begin with originPrefix.
const (
	versionField = ToolName + "/Version"
	callerField  = ToolName + "/Caller"
	originPrefix = ToolName + "/Audit/"
)

func isOrigin(key string) bool {
	return key == versionField || key == callerField || strings.HasPrefix(key, originPrefix)
}

// SchemaVersion is the version of the AWS Security Finding Format.
const SchemaVersion = "2018-10-08"

// The record states. Security Hub shows archived findings only on request, and deletes them after 30 days.
const (
	Active   = "ACTIVE"
	Archived = "ARCHIVED"
)

// The parts of the AWS Security Finding Format that this program writes, in the form that BatchImportFindings accepts.
// Workflow, Note and UserDefinedFields are missing: they belong to the customer, and BatchImportFindings cannot change
// them once a finding exists.
type (
	// Finding is one control of one cluster.
	Finding struct {
		SchemaVersion string
		ID            string `json:"Id"`
		ProductArn    string
		ProductName   string
		CompanyName   string
		GeneratorID   string `json:"GeneratorId"`
		AwsAccountID  string `json:"AwsAccountId"`
		Region        string
		CreatedAt     string
		UpdatedAt     string
		Title         string
		Description   string
		Remediation   *Remediation `json:",omitempty"`
		ProductFields map[string]string
		Resources     []Resource
		Compliance    Compliance
		RecordState   string
		Provider      Provider `json:"FindingProviderFields"`
	}
	// Provider holds what the customer can replace with values of their own.
	Provider struct {
		Severity Severity
		Types    []string
	}
	// Severity is INFORMATIONAL, LOW, MEDIUM, HIGH or CRITICAL.
	Severity struct{ Label string }
	// Remediation is the next step.
	Remediation struct{ Recommendation Recommendation }
	// Recommendation is a text of up to 512 characters.
	Recommendation struct{ Text string }
	// Resource is the cluster, or the account of a place that could not be queried.
	Resource struct {
		Type      string
		ID        string `json:"Id"`
		Partition string
		Region    string
		Details   *Details `json:",omitempty"`
	}
	// Details are those of a cluster.
	Details struct{ AwsEksCluster Cluster }
	// Cluster is an EKS cluster.
	Cluster struct {
		Arn     string `json:",omitempty"`
		Name    string `json:",omitempty"`
		Version string `json:",omitempty"`
	}
	// Compliance is the result of the control.
	Compliance struct {
		Status              string
		RelatedRequirements []string `json:",omitempty"`
	}
)

// ProductARN returns the ARN of the default product of an account and region, which takes findings of any program.
func ProductARN(partition, account, region string) string {
	return "arn:" + partition + ":securityhub:" + region + ":" + account + ":product/" + account + "/default"
}

// Timestamp writes a time as the format requires.
func Timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// Shorten cuts s to limit characters; the last one is then an ellipsis.
func Shorten(s string, limit int) string {
	if len(s) <= limit { // a character has at least one byte
		return s
	}
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

// resource returns the ARN of the cluster; "" if the finding is about an account.
func (f *Finding) resource() string {
	if i := slices.IndexFunc(f.Resources, func(r Resource) bool { return r.Type == "AwsEksCluster" }); i >= 0 {
		return f.Resources[i].ID
	}
	return ""
}
