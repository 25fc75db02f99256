package rewriter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	svmv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const migrationsPath = "/apis/storagemigration.k8s.io/v1/storageversionmigrations"

// migrator simulates the migrator of the cluster: each request returns the next
// condition. It has rewritten all objects when it returns Succeeded.
func migrator(
	f *fake, conditions ...svmv1.MigrationConditionType,
) func(int, http.ResponseWriter, *http.Request) bool {
	requests := 0
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, migrationsPath) {
			return false
		}
		m := svmv1.StorageVersionMigration{ObjectMeta: metav1.ObjectMeta{Name: "eks-encrypt-secrets-x"}}
		if r.Method == http.MethodPost {
			var created svmv1.StorageVersionMigration
			want := metav1.GroupResource{Resource: "secrets"}
			body, _ := io.ReadAll(r.Body)
			_, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, &created)
			if err != nil || created.GenerateName != "eks-encrypt-secrets-" || created.Spec.Resource != want {
				respondError(w, apierrors.NewBadRequest(fmt.Sprint(created, err)))
				return true
			}
		} else {
			c := conditions[min(requests, len(conditions)-1)]
			requests++
			m.Status.Conditions = []metav1.Condition{
				{Type: string(c), Status: metav1.ConditionTrue, Reason: "Because", Message: "of this"},
			}
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
		m.APIVersion, m.Kind = "storagemigration.k8s.io/v1", "StorageVersionMigration"
		respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &m)
		return true
	}
}

func TestMigrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.secrets("a", 2000, oldKey)
		f.intercept = migrator(f, svmv1.MigrationRunning, svmv1.MigrationRunning, svmv1.MigrationSucceeded)
		o := options(f, v1alpha1.MethodRewrite)
		o.SampleSize = 300
		result, err := Migrate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		checkSum(t, result)
		r := result.Report
		if r.Method != v1alpha1.MethodMigrator || r.Verdict != v1alpha1.CoverageNotProven ||
			r.Resources[0].Current != 300 ||
			!strings.Contains(r.Statement, "0 of 300 secrets drawn at random were stale") {
			t.Errorf("Migrate = %s %s %+v: %s", r.Method, r.Verdict, r.Resources[0], r.Statement)
		}
	})
}

func TestMigrateErrors(t *testing.T) {
	for name, test := range map[string]struct {
		intercept func(*fake) intercept
		want      string // in the error or its hint
		writes    int    // of the one object that is written through all servers
	}{
		"not served": {func(*fake) intercept {
			return deny(migrationsPath, apierrors.NewNotFound(schema.GroupResource{}, ""))
		}, "--via=client", 1},
		"forbidden": {func(*fake) intercept {
			resource := schema.GroupResource{Group: "storagemigration.k8s.io", Resource: "storageversionmigrations"}
			return deny(migrationsPath, apierrors.NewForbidden(resource, "", nil))
		}, "storageversionmigrations", 1},
		"the servers disagree": {func(f *fake) intercept {
			f.addServer().lags = true
			f.balance = func(n int) int { return n % 2 }
			return migrator(f, svmv1.MigrationSucceeded)
		}, "disagree", 0},
		"the servers disagree, which their metrics do not show": {func(f *fake) intercept {
			f.addServer().lags = true
			f.balance = func(n int) int { return n % 2 }
			for _, s := range f.servers {
				s.wroteBoth = true
			}
			return migrator(f, svmv1.MigrationSucceeded)
		}, "judged a no-op write", 2},
		"a server was not reached": {func(f *fake) intercept {
			f.addServer().lags = true
			return deny(migrationsPath, apierrors.NewForbidden(schema.GroupResource{}, "not to be created", nil))
		}, "--via=client, which looks after its connections", 1},
		"failed": {func(f *fake) intercept {
			return migrator(f, svmv1.MigrationRunning, svmv1.MigrationFailed)
		}, "failed: Because of this", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.secrets("a", 20, oldKey)
				f.intercept = test.intercept(f)
				o := options(f, v1alpha1.MethodRewrite)
				o.SampleSize = 10
				if _, err := Migrate(t.Context(), o); !matches(err, test.want) {
					t.Errorf("Migrate = %v, want %q", err, test.want)
				}
				if f.writes != test.writes {
					t.Errorf("storage writes = %d, want %d", f.writes, test.writes)
				}
			})
		})
	}
}

// TestMigrateEnds checks that a run ends if the migration does not, and that its hint names the migration:
// another run would begin a second one.
func TestMigrateEnds(t *testing.T) {
	for name, test := range map[string]struct {
		interrupted bool
		respond     func(http.ResponseWriter) // to a get of the migration; nil: a migration without conditions
		want        string
		within      time.Duration
	}{
		"the server does not respond": {
			false, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
			"no conclusive response", DefaultPatience + time.Minute,
		},
		"no controller begins it": {false, nil, "no controller has begun", beginPatience + time.Minute},
		"interrupted":             {true, nil, "context canceled", time.Minute},
		"forbidden": {
			false, func(w http.ResponseWriter) { respondError(w, apierrors.NewForbidden(schema.GroupResource{}, "", nil)) },
			"forbidden", time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.secrets("a", 20, oldKey)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				none := migrator(f, "Pending")
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if !strings.HasPrefix(r.URL.Path, migrationsPath+"/") {
						return none(n, w, r)
					}
					if test.interrupted {
						cancel()
					}
					m := svmv1.StorageVersionMigration{ObjectMeta: metav1.ObjectMeta{Name: "eks-encrypt-secrets-x"}}
					m.APIVersion, m.Kind = "storagemigration.k8s.io/v1", "StorageVersionMigration"
					if test.respond != nil {
						test.respond(w)
					} else {
						respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &m)
					}
					return true
				}
				o := options(f, v1alpha1.MethodRewrite)
				o.SampleSize = 10
				o.Resources = []Resource{Secrets(), {Namespaced: true, GroupVersionResource: schema.GroupVersionResource{
					Group: "example.com", Version: "v1", Resource: "widgets",
				}}}
				started := time.Now()
				_, err := Migrate(ctx, o)
				next := hint.Of(err)
				if !matches(err, test.want) || !strings.Contains(err.Error(), "1 later migration was not begun") ||
					!strings.Contains(next, "get storageversionmigration eks-encrypt-secrets-x") ||
					!strings.Contains(next, "verify --sample 10 --resources secrets") {
					t.Errorf("Migrate = %v (%s), want %q", err, hint.Of(err), test.want)
				}
				if took := time.Since(started); took > test.within {
					t.Errorf("it took %s, want at most %s", took, test.within)
				}
			})
		})
	}
}

// TestMigrateTakesRecordBack checks that a disagreement that is found before the migration is reported, and takes
// back what an earlier run has recorded.
func TestMigrateTakesRecordBack(t *testing.T) {
	f := newFake(t)
	f.addServer().lags = true
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 20, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	record := provenRecord()
	o.Sleep, o.SampleSize, o.Record = noSleep, 10, &record
	result, err := Migrate(t.Context(), o)
	if !errors.Is(err, errDisagree) || result == nil || result.Report.Agreement.Before != v1alpha1.Disagree {
		t.Fatalf("Migrate = %+v, %v, want a report of the disagreement", result, err)
	}
	checkSum(t, result)
	if next := result.NewRecord(&record, "", ""); next == nil || next.Agreed || next.ProvenResourceVersion != "" {
		t.Errorf("NewRecord = %+v, want one that proves nothing", next)
	}
}

// TestMigrateCheckIsNoSample has an object from before the association, and no right on the Leases, so that the check
// before the migration ends with an error. It shows nothing about a sample, and refutes no record.
func TestMigrateCheckIsNoSample(t *testing.T) {
	f := newFake(t)
	f.leases = nil
	f.secrets("a", 5, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	record := provenRecord()
	record.ResourceVersionBefore = strconv.FormatUint(f.rev, 10)
	o.Sleep, o.SampleSize, o.Record = noSleep, 10, &record
	result, err := Migrate(t.Context(), o)
	if !errors.Is(err, errNotReached) || result == nil {
		t.Fatalf("Migrate = %+v, %v", result, err)
	}
	r := result.Report
	if r.Verdict != v1alpha1.CoverageIncomplete || r.Method != v1alpha1.MethodMigrator ||
		strings.Contains(r.Statement, "random") || result.NewRecord(&record, "", "") != nil {
		t.Errorf("report = %s, %s: %s; record = %+v", r.Method, r.Verdict, r.Statement, result.NewRecord(&record, "", ""))
	}
}

// TestMigrateQuota checks that the migrator, which cannot be paused, is not started if the database could
// become too large.
func TestMigrateQuota(t *testing.T) {
	const size = "apiserver_storage_size_bytes %g\n"
	const secrets = "apiserver_resource_size_estimate_bytes{resource=\"secrets\"} %g\n"
	for name, test := range map[string]struct {
		series string
		want   string // in the error or its hint
	}{
		"enough room":        {fmt.Sprintf(size+secrets, 0.3*DefaultEtcdQuota, 0.3*DefaultEtcdQuota), ""},
		"size is not known":  {fmt.Sprintf(size+secrets, 0.3*DefaultEtcdQuota, -1.0), ""},
		"almost full":        {fmt.Sprintf(size, 0.97*DefaultEtcdQuota), "delete what is not needed"},
		"the objects exceed": {fmt.Sprintf(size+secrets, 0.45*DefaultEtcdQuota, 0.3*DefaultEtcdQuota), "--via=client"},
	} {
		f := newFake(t)
		f.secrets("a", 20, oldKey)
		f.servers[0].series = test.series
		var created atomic.Bool
		m := migrator(f, svmv1.MigrationSucceeded)
		f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				created.Store(true)
			}
			return m(n, w, r)
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.SampleSize = noSleep, 10
		_, err := Migrate(t.Context(), o)
		if !matches(err, test.want) || created.Load() != (test.want == "") {
			t.Errorf("%s: Migrate = %v, created %t; want %q", name, err, created.Load(), test.want)
		}
	}
}
