package encryption

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestStandards checks that each requirement belongs to a publication, which the documents and --standard name.
func TestStandards(t *testing.T) {
	if !slices.IsSorted(PublicationNames()) {
		t.Errorf("PublicationNames = %v, want them sorted", PublicationNames())
	}
	used := map[string]bool{}
	for _, d := range Definitions() {
		seen := map[string]bool{}
		for _, s := range d.Standards {
			p, err := ParsePublication(s.Publication)
			if err != nil || !strings.HasPrefix(s.ID, p.Short+" ") || s.Title == "" || s.Want == "" || p.Title == "" {
				t.Errorf("%s: requirement = %+v, %v, want a publication and no empty field", d.ID, s, err)
			}
			if seen[s.ID] || len(s.ID) > 64 { // Security Hub accepts 64 characters
				t.Errorf("%s: id %q is too long or twice", d.ID, s.ID)
			}
			seen[s.ID], used[s.Publication] = true, true
		}
	}
	for _, name := range PublicationNames() {
		if !used[name] {
			t.Errorf("no control gives evidence for %s", name)
		}
	}
	for id, want := range map[string]string{
		"ENC-1": "PCI DSS 4.0.1 8.3.2", "ENC-2": "CIS EKS 1.8.0 5.3.1", "ENC-3": "FSBP 1.0.0 KMS.3",
		"ENC-4": "CIS AWS Foundations 5.0.0 3.6", "ENC-6": "AWS Config eks-secrets-encrypted",
	} {
		if !slices.Contains(Definition(id).StandardNames(), want) {
			t.Errorf("%s: standards = %v, want %s", id, Definition(id).StandardNames(), want)
		}
	}
	for _, id := range []string{"ENC-2", "ENC-3", "ENC-4"} {
		if !slices.Contains(Definition(id).StandardNames(), "NIST 800-53 r5 SC-12") {
			t.Errorf("%s is not evidence for SC-12", id)
		}
	}
	if p, err := ParsePublication(" PCI-DSS-4.0.1 "); err != nil || p.Name != "pci-dss-4.0.1" {
		t.Errorf("ParsePublication = %+v, %v", p, err)
	}
	for _, bad := range []string{"", "pci", "pci-dss-4.0"} {
		if _, err := ParsePublication(bad); err == nil || !strings.Contains(err.Error(), "nist-csf-2.0") {
			t.Errorf("ParsePublication(%q) = %v, want an error with the list", bad, err)
		}
	}
}

// TestEvidence checks that a key that is unusable is evidence against KMS.3 only if it is scheduled for deletion.
func TestEvidence(t *testing.T) {
	const kms3 = "FSBP 1.0.0 KMS.3"
	for _, test := range []struct {
		state string
		use   v1alpha1.Usable
		want  bool
	}{
		{"Enabled", v1alpha1.UsableYes, true}, {"Disabled", v1alpha1.UsableNo, false},
		{"Enabled", v1alpha1.UsableNo, false}, // the grant is revoked
		{"PendingDeletion", v1alpha1.UsableNo, true}, {"PendingReplicaDeletion", v1alpha1.UsableNo, true},
		{"", v1alpha1.UsableUnknown, true},
	} {
		r := &v1alpha1.EncryptionReport{
			Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictCustomerManagedKey, KeyARN: key},
			Key:        &v1alpha1.Key{ARN: key, State: test.state, Usable: test.use, Reason: "r"},
		}
		for _, c := range Controls(r) {
			if c.ID == "ENC-3" && slices.Contains(c.Standards, kms3) != test.want {
				t.Errorf("%s, usable %s: standards = %v, want KMS.3: %t", test.state, test.use, c.Standards, test.want)
			}
		}
	}
}

// TestExpiringMaterial checks that the reason of a passed control names the end of imported key material.
func TestExpiringMaterial(t *testing.T) {
	end := metav1.Date(2026, 11, 27, 8, 0, 0, 0, metav1.Now().UTC().Location())
	r := &v1alpha1.EncryptionReport{
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictCustomerManagedKey, KeyARN: key},
		Key:        &v1alpha1.Key{ARN: key, State: "Enabled", Usable: v1alpha1.UsableYes, ValidTo: &end},
	}
	if c := Controls(r)[2]; c.Result != v1alpha1.ResultPass || !strings.Contains(c.Reason, "expires on 2026-11-27") {
		t.Errorf("ENC-3 = %+v, want Pass with the date", c)
	}
}

func TestRankKey(t *testing.T) {
	for _, test := range []struct {
		name  string
		key   *v1alpha1.Key
		issue string
		want  KeyRank
		known bool
	}{
		{"no key", nil, "", KeyHealthy, true},
		{"enabled", &v1alpha1.Key{State: "Enabled"}, "", KeyHealthy, true},
		{"updating", &v1alpha1.Key{State: "Updating"}, "", KeyHealthy, true},
		{"disabled", &v1alpha1.Key{State: "Disabled"}, "", KeyDisabled, true},
		{"unavailable", &v1alpha1.Key{State: "Unavailable"}, "", KeyDisabled, true},
		{"material missing", &v1alpha1.Key{State: "PendingImport"}, "", KeyDisabled, true},
		{"a new state", &v1alpha1.Key{State: "Frozen"}, "", KeyDisabled, true},
		{"replica", &v1alpha1.Key{State: "PendingReplicaDeletion"}, "", KeyPendingDeletion, true},
		{"unreadable", &v1alpha1.Key{Usable: v1alpha1.UsableUnknown}, "", KeyHealthy, false},
		{"unreadable, with an issue", &v1alpha1.Key{Usable: v1alpha1.UsableNo}, "kms-key-disabled", KeyDisabled, true},
		{"unreadable, not found", &v1alpha1.Key{Usable: v1alpha1.UsableNo}, "KmsKeyNotFound", KeyDeleted, true},
		{"deleted", &v1alpha1.Key{Usable: v1alpha1.UsableNo}, "", KeyDeleted, true},
		{"revoked", &v1alpha1.Key{State: "Enabled"}, "KmsGrantRevoked", KeyGrantRevoked, true},
		{"an old issue", &v1alpha1.Key{State: "PendingDeletion"}, "KmsKeyDisabled", KeyPendingDeletion, true},
		{"another issue", &v1alpha1.Key{State: "Enabled"}, "Ec2SubnetNotFound", KeyHealthy, true},
	} {
		r := &v1alpha1.EncryptionReport{Key: test.key}
		if test.key != nil {
			r.Encryption.KeyARN = key
		}
		if test.issue != "" {
			r.Health.Issues = []v1alpha1.HealthIssue{{Code: "Other"}, {Code: test.issue}}
		}
		if rank, word, known := RankKey(r); rank != test.want || known != test.known || known && word == "" {
			t.Errorf("%s: RankKey = %d, %q, %t; want %d, %t", test.name, rank, word, known, test.want, test.known)
		}
	}
}
