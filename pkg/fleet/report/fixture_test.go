package report

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Accounts of the fixture.
const prod, dev = "111122223333", "444455556666"

func at(t testing.TB, s string) *metav1.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return &metav1.Time{Time: parsed}
}

func newItem(
	name, account, region string, verdict v1alpha1.Verdict, reason string, key *v1alpha1.Key,
) v1alpha1.EncryptionReport {
	r := v1alpha1.EncryptionReport{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Cluster: v1alpha1.Cluster{ARN: "arn:aws:eks:" + region + ":" + account + ":cluster/" + name, Name: name,
			Region: region, Account: account, Partition: "aws", KubernetesVersion: "1.33", PlatformVersion: "eks.9",
			Status: "ACTIVE"},
		Encryption: v1alpha1.Encryption{Verdict: verdict, Reason: reason, Scope: v1alpha1.ScopeAllAPIData},
		Key:        key,
	}
	if key != nil {
		r.Encryption.KeyARN = key.ARN
	}
	r.Controls = encryption.Controls(&r)
	return r
}

func newFinding(
	item v1alpha1.EncryptionReport, control string, severity v1alpha1.Severity, reason, remedy string,
) v1alpha1.Finding {
	return v1alpha1.Finding{Cluster: item.Cluster.ARN, Name: item.Cluster.Name, Account: item.Cluster.Account,
		Region: item.Cluster.Region, Control: control, Title: encryption.Definition(control).Name, Severity: severity,
		Reason: reason, Remedy: remedy}
}

func newKey(region, id, state string, usable v1alpha1.Usable, reason string) *v1alpha1.Key {
	alias, _, _ := strings.Cut(id, "-")
	return &v1alpha1.Key{ARN: "arn:aws:kms:" + region + ":" + prod + ":key/" + id,
		Aliases: []string{"alias/eks/" + alias}, Account: prod, State: state, Usable: usable, Reason: reason,
		Manager: "CUSTOMER", Spec: "SYMMETRIC_DEFAULT",
		Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS",
		Rotation: &v1alpha1.Rotation{Enabled: usable == v1alpha1.UsableYes, PeriodDays: 365}}
}

func newAuditKey(k *v1alpha1.Key, region string, clusters ...string) v1alpha1.AuditKey {
	return v1alpha1.AuditKey{ARN: k.ARN, State: k.State, Aliases: k.Aliases, Account: k.Account, Region: region,
		Usable: k.Usable, Reason: k.Reason, DeletionDate: k.DeletionDate, Rotation: k.Rotation, Clusters: clusters}
}

// fixture returns a report of three clusters, and of one context that only a list names, in which every section of a
// report has content.
func fixture(t testing.TB) *v1alpha1.AuditReport {
	t.Helper()
	const eu, us = "eu-central-1", "us-east-1"
	good := newKey(eu, "0a1b2c3d-1111-4222-8333-444455556666", "Enabled", v1alpha1.UsableYes,
		"KMS reports Enabled, and EKS reports no issue")
	doomed := newKey(us, "5e6f7a8b-1111-4222-8333-444455556666", "PendingDeletion", v1alpha1.UsableNo,
		"the key is pending deletion")
	doomed.DeletionDate = at(t, "2026-12-01T00:00:00Z")

	payments := newItem("payments", prod, eu, v1alpha1.VerdictCustomerManagedKey,
		"A customer-managed key is associated.", good)
	payments.Cluster.ManagedBy = &v1alpha1.ManagedBy{Tool: v1alpha1.ToolEksctl, Confidence: v1alpha1.ConfidenceCertain,
		Evidence: "tag alpha.eksctl.io/cluster-name"}
	ledger := newItem("ledger", prod, us, v1alpha1.VerdictCustomerManagedKey,
		"A customer-managed key is associated.", doomed)
	ledger.Health.Issues = []v1alpha1.HealthIssue{
		{Code: "KmsKeyMarkedForDeletion", Message: "The KMS key is marked for deletion"}}
	frontend := newItem("frontend", dev, eu, v1alpha1.VerdictAWSOwnedKey, "No customer key is associated.", nil)
	frontend.Notes = []string{"Restored from a backup."}
	pay, led, front := payments.Cluster.ARN, ledger.Cluster.ARN, frontend.Cluster.ARN

	critical := newFinding(ledger, "ENC-3", v1alpha1.SeverityCritical, "the key is pending deletion",
		"Cancel the deletion: aws kms cancel-key-deletion --key-id "+doomed.ARN)
	critical.ExpiredWaiver = &v1alpha1.Waived{Cluster: led, Control: "ENC-3", Reason: "Migration in Q3",
		Owner: "team-ledger", Expires: at(t, "2026-10-31T00:00:00Z")}
	daysLeft := 6
	r := &v1alpha1.AuditReport{
		TypeMeta: metav1.TypeMeta{APIVersion: "eks-encrypt/v1alpha1", Kind: "AuditReport"},
		Scope: v1alpha1.AuditScope{Regions: []string{eu, us}, Accounts: []string{prod, dev, "777788889999"},
			Organization: true, Filters: []string{"tag:env=prod"},
			AccountNames: map[string]string{prod: "Production", dev: "Web & Mobile"},
			Controls:     []string{"ENC-1", "ENC-2", "ENC-3", "ENC-6"}},
		StartedAt: at(t, "2026-11-24T09:58:12Z"), FinishedAt: at(t, "2026-11-24T10:03:41Z"),
		Items: []v1alpha1.EncryptionReport{payments, ledger, frontend},
		Findings: []v1alpha1.Finding{critical,
			newFinding(ledger, "ENC-6", v1alpha1.SeverityMedium, "the key is not on the list of approved keys",
				"Associate an approved key: kubectl eks-encrypt associate")},
		Undecided: []v1alpha1.Finding{{Cluster: "kind-dev", Control: "ENC-1",
			Reason: "the context is not of an EKS cluster"}},
		Waived: []v1alpha1.Waived{{Cluster: front, Control: "ENC-2", Reason: "No customer data", Owner: "team-web",
			Expires: at(t, "2027-03-31T00:00:00Z"), Name: "frontend", Account: dev, Region: eu,
			Title: encryption.Definition("ENC-2").Name, Severity: v1alpha1.SeverityMedium,
			Finding: "the key is owned by AWS", Standards: []string{"CIS EKS 1.8.0 5.3.1"}}},
		Standard: &v1alpha1.AuditStandard{Name: "cis-eks-1.8.0", Title: "CIS EKS Benchmark 1.8.0",
			Requirements: []v1alpha1.StandardRequirement{{ID: "CIS EKS 1.8.0 5.3.1", Title: "Secrets are encrypted",
				Wants: "a customer-managed key", Control: "ENC-2", Waived: 1,
				Results: map[v1alpha1.Result]int{v1alpha1.ResultPass: 2, v1alpha1.ResultFail: 1}}}},
		Unreachable: []v1alpha1.Unreachable{
			{Account: "777788889999", Region: eu,
				Reason: "not permitted to assume arn:aws:iam::777788889999:role/audit"},
			{Account: dev, Region: "ap-south-1", Reason: "the region is not enabled"},
			{Context: "old-laptop", Reason: "the kubeconfig contains no endpoint"},
			{Account: prod, Region: "ap-east-1", Reason: "explicit deny in a service control policy",
				Cause: v1alpha1.CauseServiceControlPolicy, Waiver: &v1alpha1.Waived{Place: prod + "/ap-east-1",
					Reason: "not in use", Owner: "team-cloud", Expires: at(t, "2027-03-31T23:59:59Z")}}},
		Keys: []v1alpha1.AuditKey{newAuditKey(doomed, us, led), newAuditKey(good, eu, pay)},
		OtherTools: []v1alpha1.OtherTools{{State: "Kubernetes 1.28 or later, encrypted with a key that AWS owns",
			Clusters: []string{front}, Says: []v1alpha1.OtherTool{
				{Tool: "AWS Config", Check: "eks-secrets-encrypted", Says: "NON_COMPLIANT",
					Why: "It only checks encryptionConfig, which is absent."},
				{Tool: "Prowler", Check: "eks_cluster_kms_cmk_encryption_in_secrets_enabled", Says: "FAIL",
					Agrees: true, Why: "It requires a customer-managed key, and there is none."}}}},
		Changes: &v1alpha1.AuditChanges{Since: at(t, "2026-11-17T10:00:00Z"), New: []string{front},
			LostSight: []string{"arn:aws:eks:eu-central-1:777788889999:cluster/shop"},
			Gone:      []string{"arn:aws:eks:us-east-1:444455556666:cluster/old"}, LostPlaces: []string{dev + "/us-west-2"},
			Waived: []v1alpha1.Waived{{Cluster: front, Control: "ENC-2", Severity: v1alpha1.SeverityMedium,
				Reason: "No customer data", Owner: "team-web", Finding: "the key is owned by AWS"}},
			Regressions: []v1alpha1.Change{{Cluster: led, What: "ENC-3", Was: "Pass", Is: "Fail",
				Reason: "the key is pending deletion"}},
			Fixed: []v1alpha1.Change{{Cluster: pay, What: "ENC-2", Was: "Fail", Is: "Pass"}},
			Other: []v1alpha1.Change{{Cluster: led, What: "kubernetesVersion", Was: "1.32", Is: "1.33"}}},
		Trend: []v1alpha1.AuditPoint{
			{Time: at(t, "2026-11-10T10:00:00Z"), Outcome: v1alpha1.OutcomeFinding, Clusters: 5, Findings: 4,
				Verdicts:   map[v1alpha1.Verdict]int{v1alpha1.VerdictCustomerManagedKey: 2, v1alpha1.VerdictAWSOwnedKey: 3},
				Severities: map[v1alpha1.Severity]int{v1alpha1.SeverityHigh: 3, v1alpha1.SeverityMedium: 1}, Answered: 9,
				OtherScope: []string{"regions"}},
			{Time: at(t, "2026-11-17T10:00:00Z"), Outcome: v1alpha1.OutcomeFinding, Clusters: 3, Findings: 2,
				Verdicts:   map[v1alpha1.Verdict]int{v1alpha1.VerdictCustomerManagedKey: 2, v1alpha1.VerdictAWSOwnedKey: 1},
				Severities: map[v1alpha1.Severity]int{v1alpha1.SeverityMedium: 2}, Answered: 6,
				NotComparable: []string{"other regions"}},
			{Time: at(t, "2026-11-24T10:03:41Z"), Outcome: v1alpha1.OutcomeFinding, Clusters: 3, Findings: 2, Undecided: 1,
				Verdicts:   map[v1alpha1.Verdict]int{v1alpha1.VerdictCustomerManagedKey: 2, v1alpha1.VerdictAWSOwnedKey: 1},
				Severities: map[v1alpha1.Severity]int{v1alpha1.SeverityCritical: 1, v1alpha1.SeverityMedium: 1}, Waived: 1,
				Answered: 2, Unreachable: 4, NotComparable: []string{"4 locations of the earlier audit missing"}}},
		Coverage: []v1alpha1.CoverageReport{{Cluster: payments.Cluster, Method: v1alpha1.MethodReadOnly,
			Verdict:   v1alpha1.CoverageNotProven,
			Statement: "1,204 of 1,310 objects were written after the association.",
			Resources: []v1alpha1.ResourceCoverage{{Resource: "secrets", Total: 1310, Current: 1204, Unproven: 106}}}},
		Notes: []string{"An AWS endpoint override is in force: AWS_ENDPOINT_URL"},
		Summary: v1alpha1.AuditSummary{Clusters: 3, Findings: 2, Undecided: 1, Waived: 1,
			Outcome: v1alpha1.OutcomeFinding},
	}
	r.Keys[0].DaysLeft = &daysLeft
	return r
}
