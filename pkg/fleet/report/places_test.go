package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestSameNames checks that clusters of one name can be told apart wherever a report names them.
func TestSameNames(t *testing.T) {
	const eu = "eu-central-1"
	key := newKey(eu, "0a1b2c3d-1111-4222-8333-444455556666", "Enabled", v1alpha1.UsableYes, "")
	one := newItem("prod", prod, eu, v1alpha1.VerdictCustomerManagedKey, "", key)
	two := newItem("prod", dev, eu, v1alpha1.VerdictCustomerManagedKey, "", key)
	third := "arn:aws:eks:us-east-1:777788889999:cluster/prod" // only the comparison names it
	ids := []string{one.Cluster.ARN, two.Cluster.ARN}
	r := &v1alpha1.AuditReport{
		Items: []v1alpha1.EncryptionReport{one, two},
		Keys:  []v1alpha1.AuditKey{newAuditKey(key, eu, ids...)},
		Waived: []v1alpha1.Waived{{Cluster: ids[0], Control: "ENC-4", Reason: "r"},
			{Cluster: ids[1], Control: "ENC-4", Reason: "r"}},
		Coverage: []v1alpha1.CoverageReport{{Cluster: one.Cluster}, {Cluster: two.Cluster}},
		OtherTools: []v1alpha1.OtherTools{{State: "s", Clusters: ids,
			Says: []v1alpha1.OtherTool{{Tool: "t", Says: "FAIL"}}}},
		Changes: &v1alpha1.AuditChanges{LostSight: []string{third},
			Regressions: []v1alpha1.Change{{Cluster: ids[0], What: "key.state"}, {Cluster: ids[1], What: "key.state"}}},
	}
	for format, least := range map[string]int{"markdown": 4, "junit": 1} {
		var b strings.Builder
		if err := Write(&b, format, r, Options{}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"prod (111122223333 eu-central-1)", "prod (444455556666 eu-central-1)"} {
			if n := strings.Count(b.String(), name); n < least {
				t.Errorf("%s names %q %d times, want at least %d", format, name, n, least)
			}
		}
		if format == "markdown" && !strings.Contains(b.String(), "prod (777788889999 us-east-1)") {
			t.Errorf("%s does not name the place of a lost cluster", format)
		}
	}
	page := render(t, "html", r)
	for account, least := range map[string]int{"111122223333": 3, "444455556666": 3, "777788889999": 1} {
		if n := strings.Count(page, `<span class="whole">`+account+`</span>`); n < least {
			t.Errorf("html names account %s next to a cluster %d times, want at least %d", account, n, least)
		}
	}
}

// TestWaivedPlace checks that a waived place does not make the report incomplete, and is shown with its waiver.
func TestWaivedPlace(t *testing.T) {
	r := &v1alpha1.AuditReport{
		Items: []v1alpha1.EncryptionReport{newItem("c", prod, "eu-central-1", v1alpha1.VerdictAWSOwnedKey, "", nil)},
		Unreachable: []v1alpha1.Unreachable{{Account: prod, Region: "us-east-1", Reason: "denied",
			Waiver: &v1alpha1.Waived{Place: prod + "/us-east-1", Owner: "ann", Reason: "not in use"}}},
	}
	if got := newReportRows(r).outcome(); got != v1alpha1.OutcomeHolds {
		t.Errorf("outcome = %s, want Holds", got)
	}
	for _, format := range []string{"html", "markdown", "junit", "csv"} {
		var b strings.Builder
		if err := Write(&b, format, r, Options{}); err != nil {
			t.Fatal(err)
		}
		if text := b.String(); !strings.Contains(text, "not in use") || strings.Contains(text, "<error") {
			t.Errorf("%s does not show the waiver, or shows an error", format)
		}
	}
}

// TestStandardsOfResult checks that a disabled key is shown as no evidence against a standard on deletion.
func TestStandardsOfResult(t *testing.T) {
	for state, want := range map[string]bool{"Disabled": false, "PendingDeletion": true} {
		key := newKey("eu-central-1", "0a1b2c3d-1111-4222-8333-444455556666", state, v1alpha1.UsableNo, "r")
		r := &v1alpha1.AuditReport{Items: []v1alpha1.EncryptionReport{
			newItem("c", prod, "eu-central-1", v1alpha1.VerdictCustomerManagedKey, "", key)}}
		row := newReportRows(r).Clusters[0].Row("ENC-3")
		if got := slices.Contains(row.Control.Standards, "FSBP 1.0.0 KMS.3"); got != want {
			t.Errorf("%s: standards = %v, want KMS.3: %t", state, row.Control.Standards, want)
		}
	}
}
