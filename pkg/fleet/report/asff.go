package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// The parts of the AWS Security Finding Format that writeASFF uses, in the form that BatchImportFindings accepts.
type (
	asffFinding struct {
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
		Remediation   *asffRemediation `json:",omitempty"`
		ProductFields map[string]string
		Resources     []asffResource
		Compliance    asffCompliance
		RecordState   string
		Provider      asffProvider `json:"FindingProviderFields"`
	}
	asffProvider struct {
		Severity asffSeverity
		Types    []string
	}
	asffSeverity       struct{ Label string }
	asffRemediation    struct{ Recommendation asffRecommendation }
	asffRecommendation struct{ Text string }
	asffResource       struct {
		Type      string
		ID        string `json:"Id"`
		Partition string
		Region    string
		Details   *asffDetails `json:",omitempty"`
	}
	asffDetails struct{ AwsEksCluster asffCluster }
	asffCluster struct {
		Arn     string `json:",omitempty"`
		Name    string `json:",omitempty"`
		Version string `json:",omitempty"`
	}
	asffCompliance struct {
		Status              string
		RelatedRequirements []string `json:",omitempty"`
	}
)

// maxBatch is the number of findings that one call of BatchImportFindings accepts.
const maxBatch = 100

// writeASFF writes all findings as one array. Security Hub accepts findings only from their own account and region, and
// up to maxBatch in a call: Batches splits them so.
func writeASFF(w io.Writer, v *reportRows) error {
	return writeJSONArray(w, func(yield func(asffFinding) bool) { v.asffFindings(yield) })
}

// Batch is the input of one call of BatchImportFindings, which must be made in the account and the region.
type Batch struct {
	Account, Region string
	// Number counts the batches of an account and region, from 1.
	Number int

	findings []asffFinding
}

// Batches returns the findings in the AWS Security Finding Format, by account and region, in batches of up to 100.
func Batches(r *v1alpha1.AuditReport) ([]Batch, error) {
	var findings []asffFinding
	newReportRows(clean(r)).asffFindings(func(f asffFinding) bool {
		findings = append(findings, f)
		return true
	})
	slices.SortStableFunc(findings, func(a, b asffFinding) int {
		return cmp.Or(cmp.Compare(a.AwsAccountID, b.AwsAccountID), cmp.Compare(a.Region, b.Region))
	})
	var batches []Batch
	for _, f := range findings {
		last := len(batches) - 1
		switch {
		case last < 0 || batches[last].Account != f.AwsAccountID || batches[last].Region != f.Region:
			batches = append(batches, Batch{Account: f.AwsAccountID, Region: f.Region, Number: 1})
		case len(batches[last].findings) == maxBatch:
			batches = append(batches, Batch{Account: f.AwsAccountID, Region: f.Region, Number: batches[last].Number + 1})
		}
		last = len(batches) - 1
		batches[last].findings = append(batches[last].findings, f)
	}
	return batches, nil
}

// Write writes the array for `aws securityhub batch-import-findings --findings file://…`.
func (b Batch) Write(w io.Writer) error { return writeJSON(w, b.findings) }

// asffPlace reports whether Security Hub accepts the account and the region.
func asffPlace(account, region string) bool {
	return len(account) == 12 && digits(account) &&
		region != "" && len(region) <= 16 && strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// asffFindings passes each finding to yield until that returns false. It returns the number of those left out because
// they have no account or region, which Security Hub requires.
func (v *reportRows) asffFindings(yield func(asffFinding) bool) (omitted int) {
	more := true
	add := func(f asffFinding) {
		switch {
		case !asffPlace(f.AwsAccountID, f.Region):
			omitted++
		case more:
			more = yield(f)
		}
	}
	for r := range v.each() {
		add(v.asffOf(r))
	}
	for _, u := range v.Unreachable {
		partition := awsPartition(binding.PartitionOf(u.Region))
		f := v.asff("unreachable/"+u.Account+"/"+u.Region, "reachability", partition, u.Account, u.Region)
		f.Title = "EKS clusters could not be queried"
		f.Description = shorten(cmp.Or(u.Reason, noReason), 1024)
		f.Provider.Severity.Label, f.Compliance.Status = "INFORMATIONAL", "NOT_AVAILABLE"
		f.Resources = []asffResource{{Type: "AwsAccount", ID: "AWS::::Account:" + u.Account, Partition: partition,
			Region: u.Region}}
		f.addFields(map[string]string{"Outcome": "Unreachable"})
		add(f)
	}
	return omitted
}

func (v *reportRows) asff(id, generator, partition, account, region string) asffFinding {
	at := v.At().Format("2006-01-02T15:04:05.000Z")
	if len([]rune(id)) > 512 {
		id = shorten(id, 447) + "/" + digest(id)
	}
	f := asffFinding{
		SchemaVersion: "2018-10-08", ID: id,
		ProductArn:  "arn:" + partition + ":securityhub:" + region + ":" + account + ":product/" + account + "/default",
		ProductName: toolName, CompanyName: "eks-encrypt",
		GeneratorID: shorten(toolName+"/"+generator, 512), AwsAccountID: account, Region: region,
		Provider: asffProvider{
			Types: []string{"Software and Configuration Checks/AWS Security Best Practices"}},
		CreatedAt: at, UpdatedAt: at, RecordState: "ACTIVE", ProductFields: map[string]string{},
	}
	f.addFields(map[string]string{"Version": v.toolVersion(), "Caller": v.callerARN()})
	return f
}

func (v *reportRows) asffOf(r row) asffFinding {
	c := r.Cluster
	f := v.asff(r.identity(), r.Control.ID, awsPartition(c.Partition), c.Account, c.Region)
	f.Title = shorten(r.Control.ID+" "+r.Control.Name, 256)
	f.Description = shorten(cmp.Or(r.Reason, noReason), 1024)
	f.Provider.Severity.Label, f.Compliance.Status = asffSeverityOf(r), asffStatus(r.State)
	f.Compliance.RelatedRequirements = r.Control.Standards[:min(len(r.Control.Standards), 32)]
	f.Resources = []asffResource{{Type: "AwsEksCluster", ID: shorten(c.ID, 512), Partition: awsPartition(c.Partition),
		Region: c.Region, Details: &asffDetails{asffCluster{Arn: c.Item.Cluster.ARN, Name: c.Item.Cluster.Name,
			Version: c.Item.Cluster.KubernetesVersion}}}}
	f.addFields(map[string]string{"Outcome": string(r.State), "Verdict": string(c.Item.Encryption.Verdict),
		"Scope": string(c.Item.Encryption.Scope), "KeyArn": c.Item.Encryption.KeyARN})
	if r.State == stateWaived {
		f.addFields(map[string]string{"WaiverReason": r.Waiver.Reason, "WaiverOwner": r.Waiver.Owner,
			"WaiverExpires": day(r.Waiver.Expires)})
	}
	if text := advice(r); text != "" && r.State != stateWaived {
		f.Remediation = &asffRemediation{asffRecommendation{shorten(text, 512)}}
	}
	return f
}

// addFields adds the product fields that have a value.
func (f *asffFinding) addFields(fields map[string]string) {
	for key, value := range fields {
		if value != "" {
			f.ProductFields[toolName+"/"+key] = shorten(value, 2048)
		}
	}
}

// awsPartition returns a partition that Security Hub accepts. Its API has no other values than these.
func awsPartition(s string) string {
	switch s {
	case "aws-cn", "aws-us-gov":
		return s
	}
	return "aws"
}

// asffStatus returns the compliance status. WARNING means that information is missing. Security Hub itself uses
// NOT_AVAILABLE for a control that does not apply.
func asffStatus(s rowState) string {
	switch s {
	case statePass:
		return "PASSED"
	case stateFinding, stateWaived, stateInfo:
		return "FAILED"
	case stateNotApplicable:
		return "NOT_AVAILABLE"
	}
	return "WARNING"
}

func asffSeverityOf(r row) string {
	if r.State != stateFinding && r.State != stateUndecided && r.State != stateWaived {
		return "INFORMATIONAL"
	}
	switch r.Severity {
	case v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow:
		return strings.ToUpper(string(r.Severity))
	}
	return "INFORMATIONAL"
}
