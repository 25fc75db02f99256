package report

import (
	"cmp"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// The parts of the AWS Security Finding Format that are written, as
// BatchImportFindings takes them.
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
	asffSeverity    struct{ Label string }
	asffRemediation struct{ Recommendation asffRecommendation }
	// A recommendation has a text, or a link, or both.
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

// writeASFF writes an array, as `aws securityhub batch-import-findings
// --findings file://…` takes it, a hundred at a time.
func writeASFF(w io.Writer, v *view) error {
	findings, _ := asffFindings(v)
	return writeJSON(w, findings)
}

// asffPlace says whether Security Hub takes the account and the region.
func asffPlace(account, region string) bool {
	return len(account) == 12 && digits(account) &&
		region != "" && len(region) <= 16 && strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// asffFindings also counts what can't be written: Security Hub takes nothing
// without an account and a region.
func asffFindings(v *view) ([]asffFinding, int) {
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
		f.Title = "EKS clusters could not be asked for their encryption"
		f.Description = shorten(cmp.Or(u.Reason, "no reason is known"), 1024)
		f.Severity.Label, f.Compliance.Status = "INFORMATIONAL", "NOT_AVAILABLE"
		f.Resources = []asffResource{{Type: "AwsAccount", ID: "AWS::::Account:" + u.Account, Partition: "aws", Region: u.Region}}
		f.ProductFields = map[string]string{toolName + "/Outcome": "Unreachable"}
		add(f)
	}
	return findings, omitted
}

func (v *view) asff(id, generator, partition, account, region string) asffFinding {
	at := v.at().Format("2006-01-02T15:04:05.000Z")
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

func (v *view) asffOf(r row) asffFinding {
	c := r.cluster
	f := v.asff(r.identity(), r.control.ID, awsPartition(c.partition), c.account, c.region)
	f.Title = shorten(r.control.ID+" "+r.control.Name, 256)
	f.Description = shorten(cmp.Or(r.reason, "no reason is known"), 1024)
	f.Severity.Label, f.Compliance.Status = asffSeverityOf(r), asffStatus(r.state)
	f.Compliance.RelatedRequirements = r.control.Standards[:min(len(r.control.Standards), 32)]
	f.Resources = []asffResource{{Type: "AwsEksCluster", ID: shorten(c.id, 512), Partition: awsPartition(c.partition), Region: c.region,
		Details: &asffDetails{asffCluster{Arn: c.item.Cluster.ARN, Name: c.item.Cluster.Name, Version: c.item.Cluster.KubernetesVersion}}}}
	f.ProductFields = map[string]string{}
	for key, value := range map[string]string{"Outcome": string(r.state), "Verdict": string(c.item.Encryption.Verdict),
		"Scope": string(c.item.Encryption.Scope), "KeyArn": c.item.Encryption.KeyARN} {
		if value != "" {
			f.ProductFields[toolName+"/"+key] = shorten(value, 2048)
		}
	}
	if text := advice(r); text != "" && r.state != stateWaived {
		f.Remediation = &asffRemediation{asffRecommendation{shorten(text, 512)}}
	}
	if r.state == stateWaived {
		f.Workflow.Status = "SUPPRESSED"
		f.Note = &asffNote{Text: shorten("Waived: "+waiverWords(r.waiver), 512), UpdatedBy: cmp.Or(strings.TrimSpace(r.waiver.Owner), toolName), UpdatedAt: f.UpdatedAt}
	}
	return f
}

// awsPartition passes on what Security Hub knows.
func awsPartition(s string) string {
	switch s {
	case "aws-cn", "aws-us-gov":
		return s
	}
	return "aws"
}

// asffStatus: WARNING is "some information is missing"; NOT_AVAILABLE is what
// Security Hub itself gives a control that does not apply.
func asffStatus(s state) string {
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
	if r.state != stateFinding && r.state != stateUndecided {
		return "INFORMATIONAL"
	}
	switch r.severity {
	case v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow:
		return strings.ToUpper(string(r.severity))
	}
	return "INFORMATIONAL"
}
