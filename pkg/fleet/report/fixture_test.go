package report

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// hostile are values that people could plant in names, tags and messages.
func hostile() []string {
	return []string{
		`=cmd|'/C calc'!A0`, "+1;=HYPERLINK(\"http://evil.example\")", "\t=1+1", "＝1+1",
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style></script><svg onload=alert(1)>`, `]]>&lt;`,
		"\x1b[2J\x1b]8;;http://evil.example\x07link\x1b]8;;\x07", "\u009b31m", "safe\u202Egnp.exe", "zero\u200Bwidth\u2066isolate",
		"| a | b |\n# heading\n", "[click](javascript:alert(1)) `code` @everyone www.evil.example https://evil.example", "\xff\xfe\x00 \ufffe \U0001F600",
		`\`, `\|`, "../../etc/passwd",
	}
}

func at(s string) *metav1.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &metav1.Time{Time: t}
}

func ptr[T any](v T) *T { return &v }

// world builds a report as an audit would, cluster by cluster.
type world struct{ r *v1alpha1.AuditReport }

func (w world) cluster(name, account, region, version string, verdict v1alpha1.Verdict, reason string, key *v1alpha1.Key) *v1alpha1.EncryptionReport {
	r := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{
		ARN: "arn:aws:eks:" + region + ":" + account + ":cluster/" + name, Name: name, Region: region, Account: account, Partition: "aws",
		KubernetesVersion: version, PlatformVersion: "eks.9", Status: "ACTIVE"}}
	r.Name = name
	r.Encryption = v1alpha1.Encryption{Verdict: verdict, Reason: reason, Scope: v1alpha1.ScopeAllAPIData}
	switch verdict {
	case v1alpha1.VerdictNotEncrypted:
		r.Encryption.Scope = v1alpha1.ScopeNone
	case v1alpha1.VerdictUnknown, v1alpha1.VerdictNotApplicable:
		r.Encryption.Scope = v1alpha1.ScopeUnknown
	}
	if key != nil {
		r.Key, r.Encryption.KeyARN = key, key.ARN
	}
	r.Controls = encryption.Controls(&r)
	w.r.Items = append(w.r.Items, r)
	return &w.r.Items[len(w.r.Items)-1]
}

func (w world) finding(item *v1alpha1.EncryptionReport, control string, severity v1alpha1.Severity, remedy string) *v1alpha1.Finding {
	f := v1alpha1.Finding{Cluster: item.Cluster.ARN, Name: item.Cluster.Name, Account: item.Cluster.Account, Region: item.Cluster.Region,
		Control: control, Title: encryption.Definition(control).Name, Severity: severity, Remedy: remedy}
	for _, c := range item.Controls {
		if c.ID == control {
			f.Reason = c.Reason
		}
	}
	w.r.Findings = append(w.r.Findings, f)
	return &w.r.Findings[len(w.r.Findings)-1]
}

func kmsKey(account, region, id, state string, usable v1alpha1.Usable, reason string) *v1alpha1.Key {
	return &v1alpha1.Key{ARN: "arn:aws:kms:" + region + ":" + account + ":key/" + id, Aliases: []string{"alias/eks/" + strings.SplitN(id, "-", 2)[0]},
		Account: account, State: state, Usable: usable, Reason: reason, Manager: "CUSTOMER", Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT",
		Origin: "AWS_KMS", Rotation: &v1alpha1.Rotation{Enabled: usable == v1alpha1.UsableYes, PeriodDays: 365}}
}

// fixture is a fleet in which everything happens that a report can tell.
func fixture() *v1alpha1.AuditReport {
	const prod, dev = "111122223333", "444455556666"
	w := world{&v1alpha1.AuditReport{TypeMeta: metav1.TypeMeta{APIVersion: "eks-encrypt/v1alpha1", Kind: "AuditReport"}}}
	w.r.Items = make([]v1alpha1.EncryptionReport, 0, 32) // the pointers below stay good
	w.r.Scope = v1alpha1.AuditScope{Regions: []string{"eu-central-1", "us-east-1"}, Accounts: []string{prod, dev, "777788889999"}, Organization: true,
		Filters: []string{"tag:env=prod"}, Controls: []string{"ENC-1", "ENC-2", "ENC-3", "ENC-4"}}
	w.r.StartedAt, w.r.FinishedAt = at("2026-11-24T09:58:12Z"), at("2026-11-24T10:03:41Z")

	good := kmsKey(prod, "eu-central-1", "0a1b2c3d-1111-4222-8333-444455556666", "Enabled", v1alpha1.UsableYes, "KMS says Enabled, and EKS reports no issue")
	doomed := kmsKey(prod, "us-east-1", "5e6f7a8b-1111-4222-8333-444455556666", "PendingDeletion", v1alpha1.UsableNo, "the key is pending deletion: once it is gone, the data can't be read again, by anybody")
	doomed.DeletionDate = at("2026-12-01T00:00:00Z")
	off := kmsKey(dev, "eu-central-1", "9c0d1e2f-1111-4222-8333-444455556666", "Disabled", v1alpha1.UsableNo, "the key is disabled: the control plane won't survive its next restart")
	foreign := &v1alpha1.Key{ARN: "arn:aws:kms:eu-central-1:999900001111:key/7777aaaa-1111-4222-8333-444455556666", Account: "999900001111",
		Usable: v1alpha1.UsableUnknown, Reason: "not permitted: kms:DescribeKey in account 999900001111"}

	for i := 1; i <= 4; i++ {
		item := w.cluster(fmt.Sprintf("payments-%d", i), prod, "eu-central-1", "1.33", v1alpha1.VerdictCustomerManagedKey, "A customer-managed key is associated.", good)
		item.Cluster.ManagedBy = &v1alpha1.ManagedBy{Tool: v1alpha1.ToolEksctl, Confidence: v1alpha1.ConfidenceCertain, Evidence: "tag alpha.eksctl.io/cluster-name"}
	}
	ledger := w.cluster("ledger", prod, "us-east-1", "1.32", v1alpha1.VerdictCustomerManagedKey, "A customer-managed key is associated.", doomed)
	ledger.Health.Issues = []v1alpha1.HealthIssue{{Code: "KmsKeyMarkedForDeletion", Message: "The KMS key is marked for deletion"}}
	staging := w.cluster("staging", dev, "eu-central-1", "1.31", v1alpha1.VerdictCustomerManagedKey, "A customer-managed key is associated.", off)
	partner := w.cluster("partner-shared", prod, "eu-central-1", "1.30", v1alpha1.VerdictCustomerManagedKey, "A customer-managed key is associated.", foreign)
	owned := w.cluster("frontend", prod, "eu-central-1", "1.33", v1alpha1.VerdictAWSOwnedKey, "No customer key is associated; EKS envelope-encrypts all Kubernetes API data with a key that AWS owns.", nil)
	sandbox := w.cluster("sandbox", dev, "eu-central-1", "1.33", v1alpha1.VerdictAWSOwnedKey, "No customer key is associated; EKS envelope-encrypts all Kubernetes API data with a key that AWS owns.", nil)
	legacy := w.cluster("legacy", dev, "us-east-1", "1.27", v1alpha1.VerdictNotEncrypted, "Below Kubernetes 1.28 without a key: Secrets are not envelope-encrypted.", nil)
	outpost := w.cluster("outpost-1", prod, "eu-central-1", "1.30", v1alpha1.VerdictNotApplicable, "A local cluster on Outposts.", nil)
	outpost.Notes = []string{"Local clusters are encrypted by the Outpost."}
	denied := w.cluster("vault", prod, "us-east-1", "", v1alpha1.VerdictUnknown, "Not permitted: eks:DescribeCluster on arn:aws:eks:us-east-1:111122223333:cluster/vault.", nil)
	evil := w.cluster(`=cmd|'/C calc'!A0<script>alert(1)</script>`, dev, "us-east-1", "1.31", v1alpha1.VerdictAWSOwnedKey, strings.Join(hostile(), " "), nil)
	evil.Cluster.ManagedBy = &v1alpha1.ManagedBy{Tool: v1alpha1.ToolTerraform, Confidence: v1alpha1.ConfidenceProbable, Evidence: "tag \x1b[31mowner\u202E=evil"}
	evil.Notes = hostile()

	w.finding(ledger, "ENC-3", v1alpha1.SeverityCritical, "Cancel the deletion now: aws kms cancel-key-deletion --key-id "+doomed.ARN+", then enable the key.")
	w.finding(staging, "ENC-3", v1alpha1.SeverityCritical, "Enable the key: aws kms enable-key --key-id "+off.ARN)
	w.finding(legacy, "ENC-1", v1alpha1.SeverityHigh, "Upgrade to 1.28 or later, or associate a key: kubectl eks-encrypt associate")
	w.finding(legacy, "ENC-2", v1alpha1.SeverityMedium, "Associate a key: kubectl eks-encrypt associate")
	w.finding(owned, "ENC-2", v1alpha1.SeverityMedium, "Associate a key: kubectl eks-encrypt associate").ExpiredWaiver =
		&v1alpha1.Waived{Cluster: owned.Cluster.ARN, Control: "ENC-2", Reason: "Migration in Q3", Owner: "team-web", Expires: at("2026-10-31T00:00:00Z")}
	w.finding(evil, "ENC-2", v1alpha1.SeverityMedium, strings.Join(hostile(), " "))
	w.finding(staging, "ENC-4", v1alpha1.SeverityLow, "Turn rotation on: aws kms enable-key-rotation --key-id "+off.ARN)
	for _, f := range []struct {
		item *v1alpha1.EncryptionReport
		id   string
	}{{partner, "ENC-3"}, {partner, "ENC-4"}, {denied, "ENC-1"}, {denied, "ENC-2"}, {denied, "ENC-3"}, {denied, "ENC-4"}} {
		w.finding(f.item, f.id, v1alpha1.SeverityHigh, "Ask with a principal that may: kubectl eks-encrypt generate iam-policy")
	}
	w.r.Undecided, w.r.Findings = append([]v1alpha1.Finding{}, w.r.Findings[7:]...), w.r.Findings[:7]
	w.r.Undecided = append(w.r.Undecided, v1alpha1.Finding{Cluster: "kind-dev", Control: "ENC-1", Reason: "the context leads to no EKS cluster"})
	w.r.Waived = []v1alpha1.Waived{
		{Cluster: sandbox.Cluster.ARN, Control: "ENC-2", Reason: "No data of customers", Owner: "team-dev", Expires: at("2027-03-31T00:00:00Z")},
		{Cluster: ledger.Cluster.ARN, Control: "ENC-4", Reason: "The key is about to be replaced", Owner: "team-ledger"},
	}
	w.r.Unreachable = []v1alpha1.Unreachable{
		{Account: "777788889999", Region: "eu-central-1", Reason: "not permitted to assume arn:aws:iam::777788889999:role/audit"},
		{Account: dev, Region: "ap-south-1", Reason: "the region is not enabled"},
		{Context: "old-laptop", Reason: "the kubeconfig names no endpoint <b>at all</b>"},
	}
	w.r.Keys = []v1alpha1.AuditKey{w.key(good, "eu-central-1"), w.key(foreign, "eu-central-1"), w.key(off, "eu-central-1"), w.key(doomed, "us-east-1")}
	w.r.Keys[3].DaysLeft = ptr(6)
	w.r.OtherTools = []v1alpha1.OtherTools{{State: "Kubernetes 1.28 or later, encrypted with a key that AWS owns", Clusters: []string{owned.Cluster.ARN, sandbox.Cluster.ARN},
		Says: []v1alpha1.OtherTool{
			{Tool: "AWS Config", Check: "eks-secrets-encrypted", Says: "NON_COMPLIANT", Why: "It looks at encryptionConfig alone, which is absent."},
			{Tool: "Prowler", Check: "eks_cluster_kms_cmk_encryption_in_secrets_enabled", Says: "FAIL", Agrees: true, Why: "It asks for a customer-managed key, and there is none."}}}}
	w.r.Changes = &v1alpha1.AuditChanges{Since: at("2026-11-17T10:00:00Z"), New: []string{sandbox.Cluster.ARN}, LostSight: []string{"arn:aws:eks:eu-central-1:777788889999:cluster/shop"},
		Gone:        []string{"arn:aws:eks:us-east-1:444455556666:cluster/old"},
		Regressions: []v1alpha1.Change{{Cluster: ledger.Cluster.ARN, What: "ENC-3", Was: "Pass", Is: "Fail", Reason: "the key is pending deletion"}},
		Fixed:       []v1alpha1.Change{{Cluster: w.r.Items[0].Cluster.ARN, What: "ENC-2", Was: "Fail", Is: "Pass"}},
		Other:       []v1alpha1.Change{{Cluster: staging.Cluster.ARN, What: "kubernetesVersion", Was: "1.30", Is: "1.31"}}}
	w.r.Coverage = []v1alpha1.CoverageReport{{Cluster: w.r.Items[0].Cluster, Method: v1alpha1.MethodReadOnly, Verdict: v1alpha1.CoverageNotProven,
		Statement: "1,204 of 1,310 objects were written after the association.", Resources: []v1alpha1.ResourceCoverage{{Resource: "secrets", Total: 1310, Current: 1204, Unproven: 106}}}}
	w.r.Notes = []string{"An AWS endpoint override is in force: AWS_ENDPOINT_URL", strings.Join(hostile(), " ")}
	w.r.Summary = v1alpha1.AuditSummary{Clusters: len(w.r.Items), Findings: len(w.r.Findings), Undecided: len(w.r.Undecided), Waived: len(w.r.Waived), Outcome: v1alpha1.OutcomeFinding}
	return w.r
}

func (w world) key(k *v1alpha1.Key, region string) v1alpha1.AuditKey {
	a := v1alpha1.AuditKey{ARN: k.ARN, State: k.State, Aliases: k.Aliases, Account: k.Account, Region: region, Usable: k.Usable, Reason: k.Reason,
		DeletionDate: k.DeletionDate, Rotation: k.Rotation}
	for i := range w.r.Items {
		if w.r.Items[i].Encryption.KeyARN == k.ARN {
			a.Clusters = append(a.Clusters, w.r.Items[i].Cluster.ARN)
		}
	}
	return a
}
