package securityhub

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
)

// wire returns the finding as the SDK sends it.
func (f *Finding) wire() types.AwsSecurityFinding {
	out := types.AwsSecurityFinding{
		SchemaVersion: &f.SchemaVersion, Id: &f.ID, ProductArn: &f.ProductArn, ProductName: text(f.ProductName),
		CompanyName: text(f.CompanyName), GeneratorId: &f.GeneratorID, AwsAccountId: &f.AwsAccountID,
		Region: text(f.Region), CreatedAt: &f.CreatedAt, UpdatedAt: &f.UpdatedAt, Title: &f.Title,
		Description: &f.Description, ProductFields: f.ProductFields, RecordState: types.RecordState(f.RecordState),
		FindingProviderFields: &types.FindingProviderFields{
			Severity: &types.FindingProviderSeverity{Label: types.SeverityLabel(f.Provider.Severity.Label)},
			Types:    f.Provider.Types,
		},
	}
	if f.Compliance.Status != "" {
		out.Compliance = &types.Compliance{
			Status: types.ComplianceStatus(f.Compliance.Status), RelatedRequirements: f.Compliance.RelatedRequirements,
		}
	}
	if f.Remediation != nil {
		out.Remediation = &types.Remediation{
			Recommendation: &types.Recommendation{Text: text(f.Remediation.Recommendation.Text)}}
	}
	for i := range f.Resources {
		out.Resources = append(out.Resources, f.Resources[i].wire())
	}
	return out
}

func (r *Resource) wire() types.Resource {
	out := types.Resource{Type: &r.Type, Id: &r.ID, Partition: types.Partition(r.Partition), Region: text(r.Region)}
	if r.Details != nil {
		c := &r.Details.AwsEksCluster
		out.Details = &types.ResourceDetails{AwsEksCluster: &types.AwsEksClusterDetails{
			Arn: text(c.Arn), Name: text(c.Name), Version: text(c.Version)}}
	}
	return out
}

// newEarlier returns a finding that Security Hub has, without what Security Hub itself added to the product fields.
func newEarlier(in *types.AwsSecurityFinding) Earlier {
	e := Earlier{
		Finding: Finding{
			SchemaVersion: aws.ToString(in.SchemaVersion), ID: aws.ToString(in.Id), ProductArn: aws.ToString(in.ProductArn),
			ProductName: aws.ToString(in.ProductName), CompanyName: aws.ToString(in.CompanyName),
			GeneratorID: aws.ToString(in.GeneratorId), AwsAccountID: aws.ToString(in.AwsAccountId),
			Region: aws.ToString(in.Region), CreatedAt: aws.ToString(in.CreatedAt), UpdatedAt: aws.ToString(in.UpdatedAt),
			Title: aws.ToString(in.Title), Description: aws.ToString(in.Description), ProductFields: map[string]string{},
			RecordState: string(in.RecordState),
		},
		UserFields: maps.Clone(in.UserDefinedFields),
	}
	for key, value := range in.ProductFields {
		if strings.HasPrefix(key, ToolName+"/") {
			e.ProductFields[key] = value
		}
	}
	if p := in.FindingProviderFields; p != nil {
		e.Provider.Types = p.Types
		if p.Severity != nil {
			e.Provider.Severity.Label = string(p.Severity.Label)
		}
	}
	if c := in.Compliance; c != nil {
		e.Compliance = Compliance{string(c.Status), c.RelatedRequirements}
	}
	if r := in.Remediation; r != nil && r.Recommendation != nil {
		e.Remediation = &Remediation{Recommendation{aws.ToString(r.Recommendation.Text)}}
	}
	for i := range in.Resources {
		e.Resources = append(e.Resources, newResource(&in.Resources[i]))
	}
	if in.Workflow != nil {
		e.Workflow = string(in.Workflow.Status)
	}
	if in.Note != nil {
		e.Note, e.NoteBy = aws.ToString(in.Note.Text), aws.ToString(in.Note.UpdatedBy)
	}
	return e
}

func newResource(in *types.Resource) Resource {
	r := Resource{Type: aws.ToString(in.Type), ID: aws.ToString(in.Id), Partition: string(in.Partition),
		Region: aws.ToString(in.Region)}
	if in.Details != nil && in.Details.AwsEksCluster != nil {
		c := in.Details.AwsEksCluster
		r.Details = &Details{Cluster{aws.ToString(c.Arn), aws.ToString(c.Name), aws.ToString(c.Version)}}
	}
	return r
}

// wire returns the call that makes the change to the findings.
func (u *Update) wire(productARN string, ids []string) *securityhub.BatchUpdateFindingsInput {
	in := &securityhub.BatchUpdateFindingsInput{
		Workflow: &types.WorkflowUpdate{Status: types.WorkflowStatus(u.Workflow)},
		Note:     &types.NoteUpdate{Text: &u.Note, UpdatedBy: aws.String(ToolName)}, UserDefinedFields: u.UserFields,
	}
	for i := range ids {
		in.FindingIdentifiers = append(in.FindingIdentifiers,
			types.AwsSecurityFindingIdentifier{Id: &ids[i], ProductArn: &productARN})
	}
	return in
}

// equalUpdates groups the updates that make the same change, in the order of their first finding.
func equalUpdates(updates []Update) [][]Update {
	var groups [][]Update
	for _, u := range updates {
		at := slices.IndexFunc(groups, func(g []Update) bool {
			return g[0].Workflow == u.Workflow && g[0].Note == u.Note && maps.Equal(g[0].UserFields, u.UserFields)
		})
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], u)
	}
	return groups
}

// text returns nil for "", which Security Hub does not accept.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
