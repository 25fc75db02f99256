package report

import (
	"cmp"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
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
		Types         []string
		CreatedAt     string
		UpdatedAt     string
		Severity      asffSeverity
		Title         string
		Description   string
		Remediation   *asffRemediation `json:",omitempty"`
		ProductFields map[string]string
		Resources     []asffResource
		Compliance    asffCompliance
		Workflow      asffWorkflow
		RecordState   string
		Note          *asffNote `json:",omitempty"`
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
	asffWorkflow struct{ Status string }
	asffNote     struct{ Text, UpdatedBy, UpdatedAt string }
)

// writeASFF writes an array for `aws securityhub batch-import-findings --findings file://…`, which accepts up to 100
// findings a call.
func writeASFF(w io.Writer, v *reportRows) error {
	findings, _ := asffFindings(v)
	return writeJSON(w, findings)
}

// asffPlace reports whether Security Hub accepts the account and the region.
func asffPlace(account, region string) bool {
	return len(account) == 12 && digits(account) &&
		region != "" && len(region) <= 16 && strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// asffFindings returns the findings and the number of those left out because they have no account or region, which
// Security Hub requires.
func asffFindings(v *reportRows) ([]asffFinding, int) {
	findings, omitted := []asffFinding{}, 0
	add := func(f asffFinding) {
		if !asffPlace(f.AwsAccountID, f.Region) {
			omitted++
			return
		}
		findings = append(findings, f)
	}
	for _, r := range v.rows() {
		add(v.asffOf(r))
	}
	for _, u := range v.Unreachable {
		f := v.asff("unreachable/"+u.Account+"/"+u.Region, "reachability", "aws", u.Account, u.Region)
		f.Title = "EKS clusters could not be queried"
		f.Description = shorten(cmp.Or(u.Reason, noReason), 1024)
		f.Severity.Label, f.Compliance.Status = "INFORMATIONAL", "NOT_AVAILABLE"
		f.Resources = []asffResource{{Type: "AwsAccount", ID: "AWS::::Account:" + u.Account, Partition: "aws",
			Region: u.Region}}
		f.ProductFields = map[string]string{toolName + "/Outcome": "Unreachable"}
		add(f)
	}
	return findings, omitted
}

func (v *reportRows) asff(id, generator, partition, account, region string) asffFinding {
	at := v.At().Format("2006-01-02T15:04:05.000Z")
	if len([]rune(id)) > 512 {
		id = shorten(id, 447) + "/" + digest(id)
	}
	return asffFinding{
		SchemaVersion: "2018-10-08", ID: id,
		ProductArn:  "arn:" + partition + ":securityhub:" + region + ":" + account + ":product/" + account + "/default",
		ProductName: toolName, CompanyName: "eks-encrypt",
		GeneratorID: shorten(toolName+"/"+generator, 512), AwsAccountID: account, Region: region,
		Types:     []string{"Software and Configuration Checks/AWS Security Best Practices"},
		CreatedAt: at, UpdatedAt: at, RecordState: "ACTIVE", Workflow: asffWorkflow{"NEW"},
	}
}

func (v *reportRows) asffOf(r row) asffFinding {
	c := r.Cluster
	f := v.asff(r.identity(), r.Control.ID, awsPartition(c.Partition), c.Account, c.Region)
	f.Title = shorten(r.Control.ID+" "+r.Control.Name, 256)
	f.Description = shorten(cmp.Or(r.Reason, noReason), 1024)
	f.Severity.Label, f.Compliance.Status = asffSeverityOf(r), asffStatus(r.State)
	f.Compliance.RelatedRequirements = r.Control.Standards[:min(len(r.Control.Standards), 32)]
	f.Resources = []asffResource{{Type: "AwsEksCluster", ID: shorten(c.ID, 512), Partition: awsPartition(c.Partition),
		Region: c.Region, Details: &asffDetails{asffCluster{Arn: c.Item.Cluster.ARN, Name: c.Item.Cluster.Name,
			Version: c.Item.Cluster.KubernetesVersion}}}}
	f.ProductFields = map[string]string{}
	for key, value := range map[string]string{"Outcome": string(r.State), "Verdict": string(c.Item.Encryption.Verdict),
		"Scope": string(c.Item.Encryption.Scope), "KeyArn": c.Item.Encryption.KeyARN} {
		if value != "" {
			f.ProductFields[toolName+"/"+key] = shorten(value, 2048)
		}
	}
	if text := advice(r); text != "" && r.State != stateWaived {
		f.Remediation = &asffRemediation{asffRecommendation{shorten(text, 512)}}
	}
	if r.State == stateWaived {
		f.Workflow.Status = "SUPPRESSED"
		f.Note = &asffNote{Text: shorten("Waived: "+waiverText(r.Waiver), 512),
			UpdatedBy: cmp.Or(strings.TrimSpace(r.Waiver.Owner), toolName), UpdatedAt: f.UpdatedAt}
	}
	return f
}

// awsPartition returns a partition that Security Hub accepts.
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
	if r.State != stateFinding && r.State != stateUndecided {
		return "INFORMATIONAL"
	}
	switch r.Severity {
	case v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow:
		return strings.ToUpper(string(r.Severity))
	}
	return "INFORMATIONAL"
}
