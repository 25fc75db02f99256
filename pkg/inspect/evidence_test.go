package inspect

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestRoleNotes checks that only errors about the cluster's role get the note.
func TestRoleNotes(t *testing.T) {
	const role, key = "arn:aws:iam::1:role/cluster", "arn:aws:kms:eu-central-1:111122223333:key/k"
	const assumed = "Role with arn: " + role + ", could not be assumed because it does not exist or the trusted entity is " +
		"not correct"
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
