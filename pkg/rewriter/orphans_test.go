package rewriter

import (
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestOrphans has an object in a namespace that does not exist. It is in no list, so nothing can be
// proven about all objects.
func TestOrphans(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodProbe, v1alpha1.MethodSample, v1alpha1.MethodMetrics,
		v1alpha1.MethodReadOnly,
	} {
		f := newFake(t)
		f.secrets("a", 20, newKey)
		f.put("secrets", "lost", "orphan", oldKey)
		o := options(f, method)
		o.Sleep, o.SampleSize = noSleep, 10
		o.Record = &Record{
			ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
		}
		if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("%s: verdict = %s, want Incomplete: %s", method, r.Verdict, r.Statement)
		}
	}
}
