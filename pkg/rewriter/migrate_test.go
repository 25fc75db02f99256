package rewriter

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	svmv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// migrator is the cluster's own: it answers each look with the next condition, and
// has done its work when it says so.
func migrator(f *fake, conditions ...svmv1.MigrationConditionType) func(int, http.ResponseWriter, *http.Request) bool {
	looks := 0
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, migrationsPath) {
			return false
		}
		m := svmv1.StorageVersionMigration{ObjectMeta: metav1.ObjectMeta{Name: "eks-encrypt-secrets-x"}}
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			var asked svmv1.StorageVersionMigration
			if json.Unmarshal(body, &asked) != nil || asked.Spec.Resource != (metav1.GroupResource{Resource: "secrets"}) {
				answerError(w, apierrors.NewBadRequest(string(body)))
				return true
			}
		} else {
			c := conditions[min(looks, len(conditions)-1)]
			looks++
			m.Status.Conditions = []metav1.Condition{{Type: string(c), Status: metav1.ConditionTrue, Reason: "Because", Message: "of this"}}
			if c == svmv1.MigrationSucceeded {
				f.mu.Lock()
				for _, o := range f.objects {
					if o.key == oldKey {
						f.store(o)
					}
				}
				f.mu.Unlock()
			}
		}
		w.Header().Set("Content-Type", jsonType)
		_ = json.NewEncoder(w).Encode(m)
		return true
	}
}

func TestMigrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.secrets("a", 2000, oldKey)
		f.intercept = migrator(f, svmv1.MigrationRunning, svmv1.MigrationRunning, svmv1.MigrationSucceeded)
		o := options(f, v1alpha1.MethodRewrite)
		o.SampleSize = 300
		result, err := Migrate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		law(t, result)
		r := result.Report
		if r.Method != v1alpha1.MethodMigrator || r.Verdict != v1alpha1.CoverageNotProven || r.Resources[0].Current != 300 ||
			!strings.Contains(r.Statement, "0 of 300 secrets drawn at random were stale") {
			t.Errorf("%s %s %+v: %s", r.Method, r.Verdict, r.Resources[0], r.Statement)
		}
	})
}

func TestMigrateFails(t *testing.T) {
	for name, test := range map[string]struct {
		intercept func(*fake) func(int, http.ResponseWriter, *http.Request) bool
		says      string
	}{
		"the cluster has none": {func(*fake) func(int, http.ResponseWriter, *http.Request) bool {
			return deny(migrationsPath, apierrors.NewNotFound(schema.GroupResource{}, ""))
		}, "--via=client"},
		"it is not allowed": {func(*fake) func(int, http.ResponseWriter, *http.Request) bool {
			return deny(migrationsPath, apierrors.NewForbidden(schema.GroupResource{Group: "storagemigration.k8s.io", Resource: "storageversionmigrations"}, "", nil))
		}, "storageversionmigrations"},
		"it fails": {func(f *fake) func(int, http.ResponseWriter, *http.Request) bool {
			return migrator(f, svmv1.MigrationRunning, svmv1.MigrationFailed)
		}, "failed: Because of this"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.secrets("a", 20, oldKey)
				f.intercept = test.intercept(f)
				o := options(f, v1alpha1.MethodRewrite)
				o.SampleSize = 10
				if _, err := Migrate(t.Context(), o); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error = %v, want %q", err, test.says)
				}
				if f.writes != 0 {
					t.Errorf("%d writes", f.writes)
				}
			})
		})
	}
}
