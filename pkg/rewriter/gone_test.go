package rewriter

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestPrintedNames has an API server that prints another name than that of an object, as it does for default classes.
// The object must be examined, or be missing from the proof.
func TestPrintedNames(t *testing.T) {
	for _, test := range []struct {
		group, resource, remark string
		found                   bool
	}{
		{"storage.k8s.io", "storageclasses", " (default)", true},
		{"networking.k8s.io", "ingressclasses", " (default)", true},
		{"rbac.authorization.k8s.io", "clusterroles", " (default)", false}, // a name there may end like this
		{"example.com", "widgets", "!", false},
	} {
		for _, method := range []v1alpha1.CoverageMethod{
			v1alpha1.MethodRewrite, v1alpha1.MethodProbe, v1alpha1.MethodSample, v1alpha1.MethodMetrics,
		} {
			f := newFake(t)
			f.put(test.resource, "", "a", newKey)
			f.put(test.resource, "", "b", newKey)
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/"+test.resource) {
					return false
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &metav1.Table{
					TypeMeta:          metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"},
					ListMeta:          metav1.ListMeta{ResourceVersion: strconv.FormatUint(f.rev, 10)},
					ColumnDefinitions: []metav1.TableColumnDefinition{{Name: "Name", Type: "string", Format: "name"}},
					Rows:              []metav1.TableRow{{Cells: []any{"a" + test.remark}}, {Cells: []any{"b"}}},
				})
				return true
			}
			o := options(f, method)
			o.Sleep, o.SampleSize = noSleep, 2
			o.Resources = []Resource{{GroupVersionResource: schema.GroupVersionResource{
				Group: test.group, Version: "v1", Resource: test.resource}}}
			result := must(t, o)
			r := result.Report.Resources[0]
			failed := int64(1)
			if test.found {
				failed = 0
			}
			incomplete := result.Report.Verdict == v1alpha1.CoverageIncomplete
			if r.Total != 2 || r.Current != 2-failed || r.Failed != failed || incomplete == test.found {
				t.Errorf("%s, %s: %s, %+v, want %d failed", test.resource, method, result.Report.Statement, countsOf(r), failed)
			}
		}
	}
}

// TestGoneAgain deletes an object at each write of it, and creates it again. It is not examined, so it must not count
// as gone.
func TestGoneAgain(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 10, newKey)
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, "/a-00003"):
			f.remove("secrets/default/a-00003")
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/secrets"):
			f.put("secrets", "default", "a-00003", oldKey)
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageIncomplete || r.Resources[0].Failed != 1 {
		t.Errorf("verdict = %s: %s, %+v, want one that failed", r.Verdict, r.Statement, countsOf(r.Resources[0]))
	}
}
