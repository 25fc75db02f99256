package rewriter

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestRewrite checks the report against the storage of an API server with faults, or with
// objects that change during the run.
func TestRewrite(t *testing.T) {
	tests := []struct {
		name    string
		setup   func(f *fake)
		want    counts
		verdict v1alpha1.CoverageVerdict
		writes  int // writes to the storage; -1: any number
		stale   int // objects encrypted with the old key at the end
	}{
		{
			name: "some current, some stale",
			setup: func(f *fake) {
				f.secrets("a", 700, oldKey)
				f.secrets("b", 300, newKey)
			},
			want: counts{Total: 1000, Current: 300, Rewritten: 700}, verdict: v1alpha1.CoverageProven, writes: 700,
		},
		{
			name: "no objects", setup: func(*fake) {},
			want: counts{}, verdict: v1alpha1.CoverageProven,
		},
		{
			name: "the continue token expires twice",
			setup: func(f *fake) {
				f.secrets("a", 3000, oldKey)
				expired := 0
				f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if r.URL.Query().Get("continue") != "" && expired < 2 {
						expired++
						f.mu.Lock()
						clear(f.lists)
						f.mu.Unlock()
					}
					return false
				}
			},
			want: counts{Total: 3000, Rewritten: 3000}, verdict: v1alpha1.CoverageProven, writes: 3000,
		},
		{
			name: "created, deleted, recreated, changed by others during the run",
			setup: func(f *fake) {
				f.secrets("a", 100, oldKey)
				change := sync.OnceFunc(func() {
					f.put("secrets", "default", "new-current", newKey)
					f.put("secrets", "default", "new-stale", oldKey) // by an API server that has not reloaded yet
					f.remove("secrets/default/a-00050")
					f.remove("secrets/default/a-00060")
					f.put("secrets", "default", "a-00060", newKey)
					f.touch("secrets/default/a-00070")
				})
				f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch {
						change()
					}
					return false
				}
			},
			// 50 is deleted. 60 and 70 were written since the list, by another client. Two are new.
			want: counts{Total: 102, Current: 1, Rewritten: 100, Gone: 1}, verdict: v1alpha1.CoverageProven, writes: 98,
		},
		{
			name: "30 % of the writes are rejected as too many",
			setup: func(f *fake) {
				f.secrets("a", 500, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && n%10 < 3 {
						respondError(w, apierrors.NewTooManyRequests("slow down", 1))
						return true
					}
					return false
				}
			},
			want: counts{Total: 500, Rewritten: 500}, verdict: v1alpha1.CoverageProven, writes: 500,
		},
		{
			name: "every tenth request is unavailable, including lists",
			setup: func(f *fake) {
				f.secrets("a", 500, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if n%10 == 0 {
						respondError(w, apierrors.NewServiceUnavailable("no"))
						return true
					}
					return false
				}
			},
			want: counts{Total: 500, Rewritten: 500}, verdict: v1alpha1.CoverageProven, writes: 500,
		},
		{
			name: "connections break after the write was applied",
			setup: func(f *fake) {
				f.secrets("a", 300, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && n%7 == 0 {
						f.servers[0].serve(discard{}, r)
						panic(http.ErrAbortHandler)
					}
					return false
				}
			},
			// All 300 count as rewritten: their versions are above that of the list.
			want: counts{Total: 300, Rewritten: 300}, verdict: v1alpha1.CoverageProven, writes: 300,
		},
		{
			name: "the API server is unreachable for a minute",
			setup: func(f *fake) {
				f.secrets("a", 300, oldKey)
				begin := sync.OnceValue(time.Now)
				f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
					if n >= 100 && time.Since(begin()) < time.Minute {
						panic(http.ErrAbortHandler)
					}
					return false
				}
			},
			want: counts{Total: 300, Rewritten: 300}, verdict: v1alpha1.CoverageProven, writes: 300,
		},
		{
			name: "a webhook changes every object once",
			setup: func(f *fake) {
				f.secrets("a", 50, newKey)
				f.mutate = func(o *cell) bool {
					if o.labels != nil || o.resource != "secrets" {
						return false
					}
					o.labels = map[string]string{"seen": "yes"}
					return true
				}
			},
			// It is unknown which of the written objects were stale; a note says so.
			want: counts{Total: 50, Rewritten: 50}, verdict: v1alpha1.CoverageProven, writes: 50,
		},
		{
			name: "a webhook changes every object with every write",
			setup: func(f *fake) {
				f.secrets("a", 50, newKey)
				f.mutate = func(o *cell) bool { return o.resource == "secrets" }
			},
			want: counts{Total: 50, Unproven: 50}, verdict: v1alpha1.CoverageNotProven, writes: -1,
		},
		{
			name: "a webhook changes 3 of 2000 with every write",
			setup: func(f *fake) {
				f.secrets("a", 2000, oldKey)
				f.mutate = func(o *cell) bool { return strings.HasPrefix(o.name, "a-0010") && o.name < "a-00103" }
			},
			want: counts{Total: 2000, Rewritten: 1997, Unproven: 3}, verdict: v1alpha1.CoverageNotProven, writes: -1,
		},
		{
			name: "a policy denies one write",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.intercept = deny("/a-00007", apierrors.NewForbidden(
					schema.GroupResource{Resource: "secrets"}, "a-00007",
					errors.New("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no change")))
			},
			want: counts{Total: 50, Rewritten: 49, Failed: 1}, verdict: v1alpha1.CoverageIncomplete,
			writes: 49, stale: 1,
		},
		{
			name: "the 404 of a proxy is not a deletion",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "/a-00007") {
						http.Error(w, "404 page not found", http.StatusNotFound)
						return true
					}
					return false
				}
			},
			want: counts{Total: 50, Rewritten: 49, Failed: 1}, verdict: v1alpha1.CoverageIncomplete,
			writes: 49, stale: 1,
		},
		{
			name: "one object cannot be decrypted",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.put("secrets", "kube-system", "broken", "")
				f.put("secrets", "kube-system", "whole", oldKey)
			},
			want: counts{Total: 51, Rewritten: 50, Failed: 1}, verdict: v1alpha1.CoverageIncomplete,
			writes: 50, stale: 1,
		},
		{
			name: "other clients keep writing one object",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "/a-00007") {
						f.touch("secrets/default/a-00007")
					}
					return false
				}
			},
			want: counts{Total: 50, Rewritten: 50}, verdict: v1alpha1.CoverageProven, writes: 49,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				test.setup(f)
				report := must(t, options(f, v1alpha1.MethodRewrite)).Report
				if diff := cmp.Diff(test.want, countsOf(report.Resources[0])); diff != "" {
					t.Errorf("counts (-want +got):\n%s%v", diff, report.Resources[0].Failures)
				}
				if report.Verdict != test.verdict {
					t.Errorf("verdict = %s, want %s: %s", report.Verdict, test.verdict, report.Statement)
				}
				if test.writes >= 0 && f.writes != test.writes {
					t.Errorf("storage writes = %d, want %d", f.writes, test.writes)
				}
				if got := f.byKey()[oldKey]; got != test.stale {
					t.Errorf("objects encrypted with the old key = %d, want %d", got, test.stale)
				}
				if int64(len(report.Resources[0].Failures)) != test.want.Failed {
					t.Errorf("failures = %v, want %d of them", report.Resources[0].Failures, test.want.Failed)
				}
			})
		})
	}
}

// discard is a response that gets lost.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
