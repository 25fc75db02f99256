package inspect

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestRoleNotes checks that only errors about the cluster's role get the note.
func TestRoleNotes(t *testing.T) {
	const role, key = "arn:aws:iam::1:role/cluster", "arn:aws:kms:eu-central-1:111122223333:key/k"
	const assumed = "Role with arn: " + role + ", could not be assumed because it does not exist or the trusted entity " +
		"is not correct"
	failed := func(code, message, status string) v1alpha1.EncryptionReport {
		var r v1alpha1.EncryptionReport
		r.Encryption.Update = &v1alpha1.Update{ID: "u-1", Status: status, KeyARN: key,
			Errors: []v1alpha1.UpdateError{{Code: code, Message: message}}}
		return r
	}
	issue := func(code, message string) v1alpha1.EncryptionReport {
		var r v1alpha1.EncryptionReport
		r.Encryption.KeyARN = key
		r.Health.Issues = []v1alpha1.HealthIssue{{Code: code, Message: message}}
		return r
	}
	for _, test := range []struct {
		name   string
		report v1alpha1.EncryptionReport
		want   string // in the note, or "" for none
	}{
		{"failed update", failed("Unknown", assumed, "Failed"), "update u-1"},
		{"running update", failed("Unknown", assumed, "InProgress"), ""},
		{"another error", failed("AccessDenied", "not authorized", "Failed"), ""},
		{"health issue", issue("AccessDenied", assumed), "health issue AccessDenied"},
		{"role not found", issue("IamRoleNotFound", "The role is gone."), "health issue IamRoleNotFound"},
		{"another issue", issue("KmsKeyDisabled", "disabled"), ""},
	} {
		notes := strings.Join(roleNotes(&test.report, role), "\n")
		if (notes == "") != (test.want == "") || !strings.Contains(notes, test.want) {
			t.Errorf("%s: notes = %q, want %q", test.name, notes, test.want)
		}
		if notes != "" && (!strings.Contains(notes, `{"Sid":"EKSClusterRole"`) || !strings.Contains(notes, key) ||
			!strings.Contains(notes, "trust policy")) {
			t.Errorf("%s: notes = %q, want both causes, the key and the statement", test.name, notes)
		}
	}
}

// TestExpiringMaterial checks that a report warns of imported key material that expires soon.
func TestExpiringMaterial(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for days, warns := range map[int]bool{12: true, 29: true, 30: false, -2: true} {
		var r v1alpha1.EncryptionReport
		key := v1alpha1.Key{ARN: "arn:aws:kms:eu-central-1:111122223333:key/k", State: "Enabled",
			ValidTo: &metav1.Time{Time: now.AddDate(0, 0, days)}}
		addKey(&r, KeyFacts{Key: key}, now)
		if left := r.Key.MaterialDaysLeft; left == nil || days > 0 && *left != days || days < 0 && *left >= 0 {
			t.Errorf("in %d days: days left = %v", days, left)
		}
		if got := strings.Contains(strings.Join(r.Notes, ""), "WARNING: the imported key material"); got != warns {
			t.Errorf("in %d days: notes = %q, want a warning: %t", days, r.Notes, warns)
		}
	}
}
