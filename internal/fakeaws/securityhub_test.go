package fakeaws_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const hubProduct = "arn:aws:securityhub:eu-central-1:111122223333:product/111122223333/default"

func hubFinding(id string, change func(*types.AwsSecurityFinding)) types.AwsSecurityFinding {
	f := types.AwsSecurityFinding{SchemaVersion: aws.String("2018-10-08"), Id: &id, ProductArn: aws.String(hubProduct),
		GeneratorId: aws.String("test/1"), AwsAccountId: aws.String(awstest.Account), Region: aws.String("eu-central-1"),
		CreatedAt: aws.String("2026-11-01T00:00:00.000Z"), UpdatedAt: aws.String("2026-11-01T00:00:00.000Z"),
		Title: aws.String("t"), Description: aws.String("d"),
		Resources:  []types.Resource{{Type: aws.String("Other"), Id: aws.String("r")}},
		Compliance: &types.Compliance{Status: types.ComplianceStatusPassed},
		FindingProviderFields: &types.FindingProviderFields{Types: []string{"Effects/x"},
			Severity: &types.FindingProviderSeverity{Label: types.SeverityLabelLow}}}
	if change != nil {
		change(&f)
	}
	return f
}

// TestBatchImportFindings checks that findings are refused as Security Hub refuses them: a wrong finding alone, and the
// whole call if it is of another account or too large.
func TestBatchImportFindings(t *testing.T) {
	_, config := awstest.New(t, fakeaws.Allow("securityhub:*"))
	config.Region = "eu-central-1"
	client := securityhub.NewFromConfig(config)
	for name, change := range map[string]func(*types.AwsSecurityFinding){
		"Region": func(f *types.AwsSecurityFinding) { f.Region = aws.String("us-east-1") },
		"ProductArn": func(f *types.AwsSecurityFinding) {
			f.ProductArn = aws.String(strings.Replace(hubProduct, "eu-", "us-", 1))
		},
		"Title":       func(f *types.AwsSecurityFinding) { f.Title = aws.String(strings.Repeat("t", 257)) },
		"Description": func(f *types.AwsSecurityFinding) { f.Description = aws.String(" ") },
		"Resources":   func(f *types.AwsSecurityFinding) { f.Resources = []types.Resource{} },
		"UpdatedAt":   func(f *types.AwsSecurityFinding) { f.UpdatedAt = aws.String("yesterday") },
		"FindingProviderFields": func(f *types.AwsSecurityFinding) {
			f.FindingProviderFields = nil
		},
	} {
		out, err := client.BatchImportFindings(t.Context(), &securityhub.BatchImportFindingsInput{
			Findings: []types.AwsSecurityFinding{hubFinding("bad", change), hubFinding("good", nil)}})
		awstest.Must(t, err)
		if *out.SuccessCount != 1 || len(out.FailedFindings) != 1 || *out.FailedFindings[0].Id != "bad" ||
			!strings.Contains(*out.FailedFindings[0].ErrorMessage, name) {
			t.Errorf("%s: failed = %v, want the bad finding alone", name, out.FailedFindings)
		}
	}
	foreign := func(f *types.AwsSecurityFinding) { f.AwsAccountId = aws.String("999999999999") }
	for code, findings := range map[string][]types.AwsSecurityFinding{
		"AccessDeniedException": {hubFinding("1", foreign)},
		"InvalidInputException": make([]types.AwsSecurityFinding, 101),
	} {
		for i := range findings {
			if findings[i].Id == nil {
				findings[i] = hubFinding("x", nil)
			}
		}
		_, err := client.BatchImportFindings(t.Context(), &securityhub.BatchImportFindingsInput{Findings: findings})
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("error = %v, want %s", err, code)
		}
	}
}

// TestHubWorkflow checks what an import keeps and what brings a finding back.
func TestHubWorkflow(t *testing.T) {
	server, config := awstest.New(t, fakeaws.Allow("securityhub:*"))
	config.Region = "eu-central-1"
	client := securityhub.NewFromConfig(config)
	put := func(at string, status types.ComplianceStatus) {
		t.Helper()
		_, err := client.BatchImportFindings(t.Context(), &securityhub.BatchImportFindingsInput{
			Findings: []types.AwsSecurityFinding{hubFinding("1", func(f *types.AwsSecurityFinding) {
				f.UpdatedAt, f.Compliance.Status = &at, status
				f.Workflow = &types.Workflow{Status: types.WorkflowStatusNew}
			})}})
		awstest.Must(t, err)
	}
	set := func(status types.WorkflowStatus) {
		t.Helper()
		out, err := client.BatchUpdateFindings(t.Context(), &securityhub.BatchUpdateFindingsInput{
			FindingIdentifiers: []types.AwsSecurityFindingIdentifier{{Id: aws.String("1"), ProductArn: aws.String(hubProduct)}},
			Workflow:           &types.WorkflowUpdate{Status: status}})
		awstest.Must(t, err)
		if len(out.ProcessedFindings) != 1 {
			t.Errorf("processed %d findings, want 1", len(out.ProcessedFindings))
		}
	}
	want := func(status string, compliance types.ComplianceStatus) {
		t.Helper()
		server.View(func(w *fakeaws.State) {
			f := w.Hub.Findings[0]
			if f.Workflow.Status != status || f.Compliance.Status != string(compliance) {
				t.Errorf("finding is %s, %s, want %s, %s", f.Workflow.Status, f.Compliance.Status, status, compliance)
			}
		})
	}
	put("2026-11-01T00:00:00.000Z", types.ComplianceStatusPassed)
	set(types.WorkflowStatusSuppressed)
	put("2026-11-01T00:00:00.000Z", types.ComplianceStatusFailed)
	want("SUPPRESSED", types.ComplianceStatusPassed) // not newer
	put("2026-11-02T00:00:00.000Z", types.ComplianceStatusFailed)
	want("SUPPRESSED", types.ComplianceStatusFailed)
	put("2026-11-03T00:00:00.000Z", types.ComplianceStatusPassed)
	set(types.WorkflowStatusResolved)
	put("2026-11-04T00:00:00.000Z", types.ComplianceStatusFailed)
	want("NEW", types.ComplianceStatusFailed)
}
