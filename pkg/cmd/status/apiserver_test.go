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
