package encryption

import (
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func report(verdict v1alpha1.Verdict, usable v1alpha1.Usable, rotation *v1alpha1.Rotation) *v1alpha1.EncryptionReport {
	r := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Guard: v1alpha1.GuardMatch}}
	r.Encryption = v1alpha1.Encryption{Verdict: verdict, Reason: "reason"}
	if verdict == v1alpha1.VerdictCustomerManagedKey {
		r.Encryption.KeyARN = key
		r.Key = &v1alpha1.Key{ARN: key, Usable: usable, Reason: "reason", Origin: "AWS_KMS", Rotation: rotation}
	}
	return r
}

func TestRequirement(t *testing.T) {
	const pass, fail, unknown = v1alpha1.ResultPass, v1alpha1.ResultFail, v1alpha1.ResultUnknown
	tests := []struct {
		name          string
		report        *v1alpha1.EncryptionReport
		envelope, cmk v1alpha1.Result
	}{
		{"customer key", report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes, nil), pass, pass},
		{"customer key, state unknown",
			report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableUnknown, nil), unknown, unknown},
		{"unusable customer key", report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableNo, nil), fail, fail},
		{"AWS-owned key", report(v1alpha1.VerdictAWSOwnedKey, "", nil), pass, fail},
		{"not encrypted", report(v1alpha1.VerdictNotEncrypted, "", nil), fail, fail},
		{"not applicable", report(v1alpha1.VerdictNotApplicable, "", nil), unknown, unknown},
		{"unknown", report(v1alpha1.VerdictUnknown, "", nil), unknown, unknown},
		{"an unknown verdict", report("Quantum", "", nil), unknown, unknown},
	}
	for _, test := range tests {
		if got, _ := RequireEnvelope.Check(test.report); got != test.envelope {
			t.Errorf("%s: envelope = %s, want %s", test.name, got, test.envelope)
		}
		if got, _ := RequireCMK.Check(test.report); got != test.cmk {
			t.Errorf("%s: cmk = %s, want %s", test.name, got, test.cmk)
		}
		test.report.Cluster.Guard = v1alpha1.GuardMismatch
		if got, _ := RequireEnvelope.Check(test.report); got != unknown {
			t.Errorf("%s, guard mismatch: envelope = %s, want Unknown", test.name, got)
		}
	}
}

func TestParseRequirement(t *testing.T) {
	for in, want := range map[string]Requirement{
		"": "", "envelope": RequireEnvelope, "CMK": RequireCMK, "cmk": RequireCMK, "x": "",
	} {
		got, err := ParseRequirement(in)
		if got != want || (err != nil) != (in == "x") {
			t.Errorf("ParseRequirement(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestControls(t *testing.T) {
	on, off := &v1alpha1.Rotation{Enabled: true}, &v1alpha1.Rotation{}
	tests := []struct {
		name   string
		report *v1alpha1.EncryptionReport
		want   string // the initials of the results of ENC-1 to ENC-6
	}{
		{"customer key, rotating", report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes, on), "PPPPUN"},
		{"customer key, not rotating", report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes, off), "PPPFUN"},
		{"customer key, rotation unknown",
			report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableUnknown, nil), "PPUUUN"},
		{"customer key, unusable", report(v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableNo, off), "PPFFUN"},
		{"AWS-owned key", report(v1alpha1.VerdictAWSOwnedKey, "", nil), "PFNNNN"},
		{"not encrypted", report(v1alpha1.VerdictNotEncrypted, "", nil), "FFNNNN"},
		{"not applicable", report(v1alpha1.VerdictNotApplicable, "", nil), "NNNNNN"},
		{"unknown", report(v1alpha1.VerdictUnknown, "", nil), "UUUUUN"},
	}
	for _, test := range tests {
		got := ""
		for _, c := range Controls(test.report) {
			got += string(c.Result[0])
			if c.Reason == "" || c.Name == "" {
				t.Errorf("%s: reason or name of %s is empty", test.name, c.ID)
			}
		}
		if got != test.want {
			t.Errorf("%s: results = %s, want %s", test.name, got, test.want)
		}
	}
}
