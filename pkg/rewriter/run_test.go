package rewriter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// counts is a tally without its failures.
type counts struct{ Total, Current, Rewritten, Gone, Unproven, Failed int64 }

func countsOf(c v1alpha1.ResourceCoverage) counts {
	return counts{c.Total, c.Current, c.Rewritten, c.Gone, c.Unproven, c.Failed}
}

func options(f *fake, method v1alpha1.CoverageMethod) Options {
	return Options{Config: f.restConfig(), Method: method, KeyARN: "arn:key", Cluster: v1alpha1.Cluster{Name: "c", ARN: "arn:c"},
		Random: rand.New(rand.NewPCG(1, 2))}
}

// must runs and fails the test if the run stops early.
func must(t *testing.T, o Options) *Result {
	t.Helper()
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	law(t, result)
	return result
}

func once(f func()) func() { return sync.OnceFunc(f) }

// TestRewrite runs against an API server that misbehaves, or whose objects change
// meanwhile, and holds the report against what the storage holds in the end.
func TestRewrite(t *testing.T) {
	tests := []struct {
		name    string
		setup   func(f *fake)
		want    counts
		verdict v1alpha1.CoverageVerdict
		writes  int // that the storage took; -1: any number
		stale   int // objects under the old key in the end
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
			name: "none at all", setup: func(*fake) {},
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
				change := once(func() {
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
			// 50 and the first 60 are gone, 70 and the second 60 current, two are new.
			want: counts{Total: 103, Current: 3, Rewritten: 98, Gone: 2}, verdict: v1alpha1.CoverageProven, writes: 98,
		},
		{
			name: "30 % of the writes are refused for overload",
			setup: func(f *fake) {
				f.secrets("a", 500, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && n%10 < 3 {
						answerError(w, apierrors.NewTooManyRequests("slow down", 1))
						return true
					}
					return false
				}
			},
			want: counts{Total: 500, Rewritten: 500}, verdict: v1alpha1.CoverageProven, writes: 500,
		},
		{
			name: "every tenth request is unavailable, lists too",
			setup: func(f *fake) {
				f.secrets("a", 500, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if n%10 == 0 {
						answerError(w, apierrors.NewServiceUnavailable("no"))
						return true
					}
					return false
				}
			},
			want: counts{Total: 500, Rewritten: 500}, verdict: v1alpha1.CoverageProven, writes: 500,
		},
		{
			name: "connections break after the write was done",
			setup: func(f *fake) {
				f.secrets("a", 300, oldKey)
				f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPatch && n%7 == 0 {
						f.serve(discard{}, r)
						panic(http.ErrAbortHandler)
					}
					return false
				}
			},
			// All 300 count as rewritten: a conflict with a lost answer is one with oneself.
			want: counts{Total: 300, Rewritten: 300}, verdict: v1alpha1.CoverageProven, writes: 300,
		},
		{
			name: "the API server is away for a minute",
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
			// What was written can't be told from what was stale; the statement says so.
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
			name: "a policy denies one",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.intercept = deny("/a-00007", apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "a-00007",
					errors.New("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: you cannot change this resource")))
			},
			want: counts{Total: 50, Rewritten: 49, Failed: 1}, verdict: v1alpha1.CoverageIncomplete, writes: 49, stale: 1,
		},
		{
			name: "a proxy's 404 is no deletion",
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
			want: counts{Total: 50, Rewritten: 49, Failed: 1}, verdict: v1alpha1.CoverageIncomplete, writes: 49, stale: 1,
		},
		{
			name: "one can't be decrypted",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.put("secrets", "kube-system", "broken", "")
				f.put("secrets", "kube-system", "whole", oldKey)
			},
			want: counts{Total: 51, Rewritten: 50, Failed: 1}, verdict: v1alpha1.CoverageIncomplete, writes: 50, stale: 1,
		},
		{
			name: "an object that others write all the time",
			setup: func(f *fake) {
				f.secrets("a", 50, oldKey)
				f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
					if strings.HasSuffix(r.URL.Path, "/a-00007") {
						f.touch("secrets/default/a-00007")
					}
					return false
				}
			},
			want: counts{Total: 50, Current: 1, Rewritten: 49}, verdict: v1alpha1.CoverageProven, writes: 49,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				test.setup(f)
				report := must(t, options(f, v1alpha1.MethodRewrite)).Report
				if diff := cmp.Diff(test.want, countsOf(report.Resources[0])); diff != "" {
					t.Errorf("counts (-want +got):\n%s%v", diff, report.Resources[0].Failures)
				}
				if report.Verdict != test.verdict {
					t.Errorf("verdict = %s, want %s: %s", report.Verdict, test.verdict, report.Statement)
				}
				if test.writes >= 0 && f.writes != test.writes {
					t.Errorf("the storage took %d writes, want %d", f.writes, test.writes)
				}
				if got := f.byKey()[oldKey]; got != test.stale {
					t.Errorf("%d are under the old key in the end, want %d", got, test.stale)
				}
				if int64(len(report.Resources[0].Failures)) != test.want.Failed {
					t.Errorf("failures = %v, want %d", report.Resources[0].Failures, test.want.Failed)
				}
			})
		})
	}
}

func deny(suffix string, err apierrors.APIStatus) func(int, http.ResponseWriter, *http.Request) bool {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, suffix) {
			answerError(w, err)
			return true
		}
		return false
	}
}

// discard is the answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestSecondRunWritesNothing(t *testing.T) {
	f := newFake()
	f.secrets("a", 500, oldKey)
	must(t, options(f, v1alpha1.MethodRewrite))
	before := f.writes
	report := must(t, options(f, v1alpha1.MethodRewrite)).Report
	if f.writes != before {
		t.Errorf("the second run made %d writes, want none", f.writes-before)
	}
	if got, want := countsOf(report.Resources[0]), (counts{Total: 500, Current: 500}); got != want {
		t.Errorf("counts = %+v, want %+v", got, want)
	}
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.latency = 10 * time.Millisecond
		f.secrets("a", 500, oldKey)
		ctx, cancel := context.WithCancel(t.Context())
		f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if n == 200 {
				cancel()
			}
			return false
		}
		result, err := Run(ctx, options(f, v1alpha1.MethodRewrite))
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error = %v, want the context's", err)
		}
		law(t, result)
		c := countsOf(result.Report.Resources[0])
		// What was on the way when the run was stopped counts.
		if c.Rewritten != int64(f.writes) || c.Rewritten+c.Unproven != 500 || c.Unproven == 0 {
			t.Errorf("counts = %+v, but the storage took %d writes", c, f.writes)
		}
		if result.Report.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
		}
		done, patched := f.writes, f.patches
		f.patches = map[string]int{}
		report := must(t, options(f, v1alpha1.MethodRewrite)).Report
		if got, want := countsOf(report.Resources[0]), (counts{Total: 500, Current: int64(done), Rewritten: int64(500 - done)}); got != want {
			t.Errorf("counts of the second run = %+v, want %+v", got, want)
		}
		if f.writes != 500 || len(patched) < done {
			t.Errorf("the storage took %d writes in both runs, want 500", f.writes)
		}
	})
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.secrets("a", 500, oldKey)
		var down atomic.Bool
		f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if n >= 200 || down.Load() {
				down.Store(true)
				panic(http.ErrAbortHandler)
			}
			return false
		}
		begin := time.Now()
		result, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite))
		if !errors.Is(err, errPatience) {
			t.Fatalf("error = %v, want %v", err, errPatience)
		}
		if took := time.Since(begin); took < DefaultPatience || took > 2*DefaultPatience {
			t.Errorf("gave up after %v, want a little more than %v", took, DefaultPatience)
		}
		law(t, result)
		if result.Report.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
		}
	})
}

func TestMissingRights(t *testing.T) {
	forbid := func(verb string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x",
			fmt.Errorf(`User "u" cannot %s resource "secrets" in API group "" at the cluster scope`, verb))
	}
	for verb, method := range map[string]string{"list": http.MethodGet, "patch": http.MethodPatch} {
		t.Run(verb, func(t *testing.T) {
			f := newFake()
			f.secrets("a", 500, oldKey)
			f.put("configmaps", "default", "m", oldKey)
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method == method && strings.Contains(r.URL.Path, "secrets") {
					answerError(w, forbid(verb).(apierrors.APIStatus))
					return true
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.Resources = []Resource{Secrets, {schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, true}}
			result, err := Run(t.Context(), o)
			var missing *MissingRight
			if !errors.As(err, &missing) || missing.Verb != verb || missing.Resource != "secrets" {
				t.Fatalf("error = %v, want a missing right to %s secrets", err, verb)
			}
			law(t, result)
			if f.requests > 200 {
				t.Errorf("%d requests were made although the right is missing", f.requests)
			}
			// The other resource is examined nevertheless.
			if got, want := countsOf(result.Report.Resources[1]), (counts{Total: 1, Rewritten: 1}); got != want {
				t.Errorf("counts of the config maps = %+v, want %+v", got, want)
			}
			if result.Report.Verdict != v1alpha1.CoverageIncomplete {
				t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
			}
		})
	}
}

func TestForeignAnswerIsNotRead(t *testing.T) {
	f := newFake()
	f.secrets("a", 5, oldKey)
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		answer(w, http.StatusOK, "v1", "Secret", metadata(f.objects["secrets/default/a-00001"]))
		return true
	}
	result, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite))
	if !errors.Is(err, errForeignKind) {
		t.Fatalf("error = %v, want %v", err, errForeignKind)
	}
	law(t, result)
}

func TestNamespaceAndSelectorAreInTheStatement(t *testing.T) {
	f := newFake()
	f.secrets("a", 5, oldKey)
	f.put("secrets", "default", "labelled", oldKey).labels = map[string]string{"app": "x"}
	f.put("secrets", "kube-system", "other", oldKey).labels = map[string]string{"app": "x"}
	o := options(f, v1alpha1.MethodRewrite)
	o.Namespace, o.Selector = "default", "app=x"
	result := must(t, o)
	if got, want := countsOf(result.Report.Resources[0]), (counts{Total: 1, Rewritten: 1}); got != want {
		t.Errorf("counts = %+v, want %+v", got, want)
	}
	if s := result.Report.Statement; !strings.Contains(s, "with labels app=x in namespace default") {
		t.Errorf("the statement does not say how narrow it is: %s", s)
	}
	if result.Recorded(nil, "", "v1") != nil {
		t.Error("a run over some labels gives a record")
	}
	if f.byKey()[oldKey] != 6 {
		t.Errorf("by key = %v, want the other 6 untouched", f.byKey())
	}
}
