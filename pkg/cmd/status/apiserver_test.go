package status

import (
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// A key that the API server cannot use is not usable, although KMS and EKS do not know yet.
func TestApplyHealth(t *testing.T) {
	for _, test := range []struct {
		health apiserver.Health
		want   v1alpha1.Usable
	}{
		{apiserver.Health{Known: true, OK: true}, v1alpha1.UsableYes},
		{apiserver.Health{Known: true, Reason: "kms-providers failed: reason withheld"}, v1alpha1.UsableNo},
	} {
		r := &v1alpha1.EncryptionReport{Key: &v1alpha1.Key{Usable: v1alpha1.UsableYes}}
		r.Encryption.Verdict = v1alpha1.VerdictCustomerManagedKey
		applyHealth(r, test.health)
		if r.Key.Usable != test.want || *r.Evidence.APIServers.KMSHealthy != test.health.OK {
			t.Errorf("%+v: usable = %s, evidence %+v, want %s", test.health, r.Key.Usable, r.Evidence.APIServers, test.want)
		}
		for _, c := range r.Controls {
			if c.ID == "ENC-3" && c.Result != v1alpha1.ResultFail {
				t.Errorf("%+v: ENC-3 = %s, want Fail", test.health, c.Result)
			}
		}
	}
}

// The metrics of other servers do not hide that the KMS plugin of one does not work.
func TestAddServers(t *testing.T) {
	works, fails := true, false
	for _, test := range []struct {
		earlier, latest, want *bool
	}{
		{nil, nil, nil}, {&works, nil, nil}, {nil, &works, &works}, {&works, &fails, &fails}, {&fails, &works, &fails},
		{&fails, nil, &fails}, {&fails, &fails, &fails},
	} {
		r := &v1alpha1.EncryptionReport{Key: &v1alpha1.Key{Usable: v1alpha1.UsableYes}}
		if test.earlier != nil {
			applyHealth(r, apiserver.Health{Known: true, OK: *test.earlier, Reason: "kms-providers failed"})
		}
		addServers(r, &v1alpha1.APIServers{KMSHealthy: test.latest})
		got := r.Evidence.APIServers.KMSHealthy
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%v, then %v: healthy = %v, want %v", test.earlier, test.latest, got, test.want)
		}
		if no := r.Key.Usable == v1alpha1.UsableNo; no != (test.want == &fails) {
			t.Errorf("%v, then %v: usable = %s", test.earlier, test.latest, r.Key.Usable)
		}
	}
}
