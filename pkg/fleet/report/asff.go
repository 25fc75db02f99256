package report

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
)

// writeASFF writes all findings as one array. Security Hub accepts findings only from their own account and region, and
// up to securityhub.MaxBatch in a call: Batches splits them so.
func writeASFF(w io.Writer, v *reportRows) error {
	return writeJSONArray(w, v.parts(), v.asffPart)
}

// Batch is the input of one call of BatchImportFindings, which must be made in the account and the region.
type Batch struct {
	Account, Region string
	// Number counts the batches of an account and region, from 1.
	Number int

	findings []securityhub.Finding
}

// Batches returns the findings in the AWS Security Finding Format, by account and region, in batches of up to 100.
func Batches(r *v1alpha1.AuditReport) []Batch {
	var findings []securityhub.Finding
	for v, i := newReportRows(clean(r)), 0; i < v.parts(); i++ {
		findings = append(findings, v.asffPart(i)...)
	}
	slices.SortStableFunc(findings, func(a, b securityhub.Finding) int {
		return cmp.Or(cmp.Compare(a.AwsAccountID, b.AwsAccountID), cmp.Compare(a.Region, b.Region))
	})
	var batches []Batch
	for _, f := range findings {
		last := len(batches) - 1
		switch {
		case last < 0 || batches[last].Account != f.AwsAccountID || batches[last].Region != f.Region:
			batches = append(batches, Batch{Account: f.AwsAccountID, Region: f.Region, Number: 1})
		case len(batches[last].findings) == securityhub.MaxBatch:
			batches = append(batches, Batch{Account: f.AwsAccountID, Region: f.Region, Number: batches[last].Number + 1})
		}
		last = len(batches) - 1
		batches[last].findings = append(batches[last].findings, f)
	}
	return batches
}

// Write writes the array for `aws securityhub batch-import-findings --findings file://…`.
func (b Batch) Write(w io.Writer) error { return writeJSON(w, b.findings) }

// asffPlace reports whether Security Hub accepts the account and the region.
func asffPlace(account, region string) bool {
	return len(account) == 12 && digits(account) &&
		region != "" && len(region) <= 16 && strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// asffPart returns the findings of a part of the report.
func (v *reportRows) asffPart(i int) []securityhub.Finding {
	var wanted []securityhub.Wanted
	if c, place := v.part(i); c != nil {
		wanted = v.wantedOf([]*cluster{c}, nil)
	} else {
		wanted = v.wantedOf(nil, []v1alpha1.Unreachable{*place})
	}
	findings := make([]securityhub.Finding, len(wanted))
	for i := range wanted {
		findings[i] = wanted[i].Finding
	}
	return findings
}

// asffOmitted returns the number of findings that wantedOf leaves out.
func (v *reportRows) asffOmitted() (omitted int) {
	for _, c := range v.Clusters {
		if !asffPlace(c.Account, c.Region) {
			omitted += len(c.Rows)
		}
	}
	for _, u := range v.Unreachable {
		if !asffPlace(u.Account, u.Region) {
			omitted++
		}
	}
	return omitted
}

func (v *reportRows) asff(id, generator, partition, account, region string) securityhub.Finding {
	at := securityhub.Timestamp(v.At())
	if len([]rune(id)) > 512 {
		id = securityhub.Shorten(id, 447) + "/" + digest(id)
	}
	f := securityhub.Finding{
		SchemaVersion: securityhub.SchemaVersion, ID: id,
		ProductArn:  securityhub.ProductARN(partition, account, region),
		ProductName: toolName, CompanyName: "eks-encrypt",
		GeneratorID: securityhub.Shorten(toolName+"/"+generator, 512), AwsAccountID: account, Region: region,
		Provider: securityhub.Provider{
			Types: []string{"Software and Configuration Checks/AWS Security Best Practices"}},
		CreatedAt: at, UpdatedAt: at, RecordState: securityhub.Active, ProductFields: map[string]string{},
	}
	addFields(&f, map[string]string{"Version": v.toolVersion(), "Caller": v.callerARN()})
	for _, o := range v.origin {
		if o.Key != "program" && o.Key != "caller" {
			addFields(&f, map[string]string{"Audit/" + o.Key: o.Value})
		}
	}
	return f
}

func (v *reportRows) asffOf(r row) securityhub.Finding {
	c := r.Cluster
	f := v.asff(r.identity(), r.Control.ID, cmp.Or(c.Partition, "aws"), c.Account, c.Region)
	f.Title = securityhub.Shorten(r.Control.ID+" "+r.Control.Name, 256)
	f.Description = securityhub.Shorten(cmp.Or(r.Reason, noReason), 1024)
	f.Provider.Severity.Label, f.Compliance.Status = asffSeverityOf(r), asffStatus(r.State)
	f.Compliance.RelatedRequirements = r.Control.Standards[:min(len(r.Control.Standards), 32)]
	f.Resources = []securityhub.Resource{{Type: "AwsEksCluster", ID: securityhub.Shorten(c.ID, 512),
		Partition: awsPartition(c.Partition), Region: c.Region,
		Details: &securityhub.Details{AwsEksCluster: securityhub.Cluster{Arn: c.Item.Cluster.ARN,
			Name: c.Item.Cluster.Name, Version: c.Item.Cluster.KubernetesVersion}}}}
	addFields(&f, map[string]string{"Outcome": string(r.State), "Verdict": string(c.Item.Encryption.Verdict),
		"Scope": string(c.Item.Encryption.Scope), "KeyArn": c.Item.Encryption.KeyARN})
	if r.State == stateWaived {
		addWaiver(&f, r.Waiver)
	}
	if text := advice(r); text != "" && r.State != stateWaived {
		text = securityhub.Shorten(text, 512)
		f.Remediation = &securityhub.Remediation{Recommendation: securityhub.Recommendation{Text: text}}
	}
	return f
}

// addFields adds the product fields that have a value.
func addFields(f *securityhub.Finding, fields map[string]string) {
	for key, value := range fields {
		if value != "" {
			f.ProductFields[toolName+"/"+key] = securityhub.Shorten(value, 2048)
		}
	}
}

// awsPartition returns a partition that Security Hub accepts for a resource. Its API has no other values than these.
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
