package rewriter

import (
	"net/http"
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

// TestNoOrphans has an object that is deleted and created again while each of the first lists is read.
func TestNoOrphans(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodReadOnly, v1alpha1.MethodMetrics,
	} {
		f := newFake(t)
		f.secrets("a", 10, newKey)
		lists := 0
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			const path = "/api/v1/namespaces/default/secrets"
			switch {
			case r.Method == http.MethodGet && r.URL.Path == path && lists < 3:
				lists++
				f.remove("secrets/default/a-00009")
			case r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets":
				f.put("secrets", "default", "a-00009", newKey)
			}
			return false
		}
		o := options(f, method)
		o.Sleep, o.SampleSize = noSleep, 5
		result := must(t, o)
		checkSum(t, result)
		if r := result.Report; r.Verdict == v1alpha1.CoverageIncomplete || len(r.Notes) > 0 {
			t.Errorf("%s: verdict = %s, notes = %v, want no Incomplete", method, r.Verdict, r.Notes)
		}
	}
}
