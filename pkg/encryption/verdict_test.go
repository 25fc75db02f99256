package encryption

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const key = "arn:aws:kms:us-west-2:111122223333:key/1"

func TestDecide(t *testing.T) {
	tests := []struct {
		name    string
		facts   Facts
		verdict v1alpha1.Verdict
		scope   v1alpha1.Scope
		why     string // part of the reason
	}{
		{"1.28 without key", Facts{Version: "1.28"}, v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData, "AWS owns"},
		{"1.31 without key", Facts{Version: "1.31"}, v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData, "AWS owns"},
		{"2.0 without key", Facts{Version: "2.0"}, v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData, "AWS owns"},
		{"1.28 with key", Facts{Version: "1.28", KeyARN: key},
			v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeAllAPIData, "customer-managed"},
		{"1.27 without key", Facts{Version: "1.27"}, v1alpha1.VerdictNotEncrypted, v1alpha1.ScopeNone, "1.28"},
		{"1.9 is older than 1.28", Facts{Version: "1.9"}, v1alpha1.VerdictNotEncrypted, v1alpha1.ScopeNone, "1.28"},
		{"1.27 with key", Facts{Version: "1.27", KeyARN: key},
			v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeSecrets, "Secrets"},
		{"connector", Facts{Version: "1.31", Connected: true},
			v1alpha1.VerdictNotApplicable, v1alpha1.ScopeUnknown, "Connector"},
		{"connector without version", Facts{Connected: true},
			v1alpha1.VerdictNotApplicable, v1alpha1.ScopeUnknown, "Connector"},
		{"local cluster on Outposts", Facts{Version: "1.31", LocalOutpost: true},
			v1alpha1.VerdictNotApplicable, v1alpha1.ScopeUnknown, "Outposts"},
		{"no version, no key", Facts{},
			v1alpha1.VerdictUnknown, v1alpha1.ScopeUnknown, "not a valid Kubernetes version"},
		{"unparsable version, no key", Facts{Version: "latest"},
			v1alpha1.VerdictUnknown, v1alpha1.ScopeUnknown, "not a valid Kubernetes version"},
		{"unparsable version with key", Facts{Version: "latest", KeyARN: key},
			v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeUnknown, "is unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Decide(test.facts)
			if got.Verdict != test.verdict || got.Scope != test.scope || !strings.Contains(got.Reason, test.why) {
				t.Errorf("Decide = %s/%s: %s, want %s/%s with a reason containing %q",
					got.Verdict, got.Scope, got.Reason, test.verdict, test.scope, test.why)
			}
			if want := test.facts.KeyARN; got.Verdict == v1alpha1.VerdictCustomerManagedKey && got.KeyARN != want {
				t.Errorf("KeyARN = %q, want %q", got.KeyARN, want)
			}
			if got.Verdict != v1alpha1.VerdictCustomerManagedKey && got.KeyARN != "" {
				t.Errorf("verdict %s with KeyARN %q, want none", got.Verdict, got.KeyARN)
			}
		})
	}
}

func TestParseVersion(t *testing.T) {
	tests := map[string]Version{
		"1.28": {1, 28}, "v1.31": {1, 31}, "1.31.2": {1, 31}, "1.31-eks-1": {1, 31}, "1.31+": {1, 31}, "2.0": {2, 0},
		"": {}, "1": {}, "1.": {}, "latest": {}, "1.28 ": {}, " 1.28": {}, "1.x": {}, "-1.28": {}, "0.28": {},
		"1.28\n": {}, "1.99999": {}, "١.٢٨": {},
	}
	for in, want := range tests {
		got, err := ParseVersion(in)
		if got != want || (err == nil) != (want != Version{}) {
			t.Errorf("ParseVersion(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("1.28")
	f.Add("v1.31.2-eks-abc")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		digits := strings.TrimLeft(strings.TrimPrefix(s, "v"), "0")
		if v.Major == 1 && !strings.HasPrefix(digits, "1") {
			t.Errorf("ParseVersion(%q) = %s", s, v)
		}
		if v.Less(v) {
			t.Errorf("%s.Less(itself) = true", v)
		}
	})
}

func TestUsable(t *testing.T) {
	issue := func(code string, ids ...string) []v1alpha1.HealthIssue {
		return []v1alpha1.HealthIssue{{Code: code, ResourceIDs: ids}}
	}
	tests := []struct {
		name                 string
		state, unknownReason string
		issues               []v1alpha1.HealthIssue
		want                 v1alpha1.Usable
	}{
		{"enabled", "Enabled", "", nil, v1alpha1.UsableYes},
		{"the primary moves", "Updating", "", nil, v1alpha1.UsableYes},
		{"disabled, no health issue yet", "Disabled", "", nil, v1alpha1.UsableNo},
		{"pending deletion", "PendingDeletion", "", nil, v1alpha1.UsableNo},
		{"pending import", "PendingImport", "", nil, v1alpha1.UsableNo},
		{"an unknown state", "Frozen", "", nil, v1alpha1.UsableNo},
		{"KMS not readable", "", "no permission", nil, v1alpha1.UsableUnknown},
		{"KMS not readable, EKS reports an issue", "", "no permission",
			issue("KmsKeyNotFound", key), v1alpha1.UsableNo},
		{"enabled, but EKS reports an issue", "Enabled", "", issue("KmsGrantRevoked", key), v1alpha1.UsableNo},
		{"spelling of the user guide", "Enabled", "", issue("KMS_KEY_DISABLED"), v1alpha1.UsableNo},
		{"marked for deletion", "Enabled", "", issue("kmsKeyMarkedForDeletion", key), v1alpha1.UsableNo},
		{"an issue of another key", "Enabled", "",
			issue("KmsKeyDisabled", "arn:aws:kms:us-west-2:111122223333:key/2"), v1alpha1.UsableYes},
		{"another issue", "Enabled", "", issue("Ec2SubnetNotFound", "subnet-1"), v1alpha1.UsableYes},
	}
	// Which key an alias stands for is unknown if KMS cannot be queried.
	if got, _ := Usable("", "denied", "arn:aws:kms:us-west-2:1:alias/a", issue("KmsKeyDisabled", key)); got !=
		v1alpha1.UsableNo {
		t.Errorf("Usable of an alias = %s, want No", got)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, why := Usable(test.state, test.unknownReason, key, test.issues)
			if got != test.want || got != v1alpha1.UsableYes && why == "" {
				t.Errorf("Usable = %s (%s), want %s with a reason unless Yes", got, why, test.want)
			}
		})
	}
}
