package rewriter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// counts are the counts of a ResourceCoverage.
type counts struct{ Total, Current, Rewritten, Gone, Unproven, Failed int64 }

func countsOf(c v1alpha1.ResourceCoverage) counts {
	return counts{c.Total, c.Current, c.Rewritten, c.Gone, c.Unproven, c.Failed}
}

func options(f *fake, method v1alpha1.CoverageMethod) Options {
	return Options{
		Config: f.restConfig(), Method: method, KeyARN: "arn:key",
		Cluster: v1alpha1.Cluster{Name: "c", ARN: "arn:c"}, Random: rand.New(rand.NewPCG(1, 2)),
	}
}

// must returns the result of Run and fails the test on an error.
func must(t *testing.T, o Options) *Result {
	t.Helper()
	result, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("Run = %v", err)
	}
	checkSum(t, result)
	return result
}

// deny responds with err to the paths with the suffix.
func deny(suffix string, err apierrors.APIStatus) intercept {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, suffix) {
			return false
		}
		respondError(w, err)
		return true
	}
}

func TestSecondRunWritesNothing(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 500, oldKey)
	must(t, options(f, v1alpha1.MethodRewrite))
	before := f.writes
	report := must(t, options(f, v1alpha1.MethodRewrite)).Report
	if f.writes != before {
		t.Errorf("storage writes of the second run = %d, want 0", f.writes-before)
	}
	if got, want := countsOf(report.Resources[0]), (counts{Total: 500, Current: 500}); got != want {
		t.Errorf("counts = %+v, want %+v", got, want)
	}
}

func TestRunReportsCountsWhenContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
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
			t.Fatalf("Run = %v, want context.Canceled", err)
		}
		checkSum(t, result)
		c := countsOf(result.Report.Resources[0])
		// Writes that were in flight when the context ended are counted.
		if c.Rewritten != int64(f.writes) || c.Rewritten+c.Unproven != 500 || c.Unproven == 0 {
			t.Errorf("counts = %+v, want %d rewritten and the rest unproven", c, f.writes)
		}
		if result.Report.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
		}
		done, patched := f.writes, f.patches
		f.patches = map[string]int{}
		report := must(t, options(f, v1alpha1.MethodRewrite)).Report
		want := counts{Total: 500, Current: int64(done), Rewritten: int64(500 - done)}
		if got := countsOf(report.Resources[0]); got != want {
			t.Errorf("counts of the second run = %+v, want %+v", got, want)
		}
		if f.writes != 500 || len(patched) < done {
			t.Errorf("storage writes of both runs = %d, want 500", f.writes)
		}
	})
}

func TestRunStopsWithoutResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.secrets("a", 500, oldKey)
		var down atomic.Bool
		f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
			if n >= 200 || down.Load() {
				down.Store(true)
				panic(http.ErrAbortHandler)
			}
			return false
		}
		started := time.Now()
		o := options(f, v1alpha1.MethodRewrite)
		var latest Progress
		o.Progress = func(p Progress) {
			if p.Phase != PhaseDone {
				latest = p
			}
		}
		result, err := Run(t.Context(), o)
		if !errors.Is(err, errNoResponse) {
			t.Fatalf("Run = %v, want %v", err, errNoResponse)
		}
		if next := hint.Of(err); !strings.Contains(next, "/readyz") {
			t.Errorf("hint = %q, want how to find out when the server responds", next)
		}
		if took := time.Since(started); took < DefaultPatience || took > 2*DefaultPatience {
			t.Errorf("Run stopped after %v, want a little more than %v", took, DefaultPatience)
		}
		checkSum(t, result)
		if result.Report.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
		}
		if want := "no conclusive response from the API server for 2m"; !strings.HasPrefix(latest.Waiting, want) ||
			latest.ETA != 0 {
			t.Errorf("progress: %q, %s left; want %q and no estimate", latest.Waiting, latest.ETA, want)
		}
		if n := f.requests - 200; n > 200 {
			t.Errorf("%d requests in %v to a server that is down, want at most 200", n, DefaultPatience)
		}
	})
}

func TestMissingPermissions(t *testing.T) {
	forbid := func(verb string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x",
			fmt.Errorf(`User "u" cannot %s resource "secrets" in API group "" at the cluster scope`, verb))
	}
	for verb, method := range map[string]string{"list": http.MethodGet, "patch": http.MethodPatch} {
		t.Run(verb, func(t *testing.T) {
			f := newFake(t)
			f.secrets("a", 500, oldKey)
			f.put("configmaps", "default", "m", oldKey)
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.Method == method && strings.Contains(r.URL.Path, "secrets") {
					respondError(w, forbid(verb).(apierrors.APIStatus))
					return true
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			configMaps := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
			o.Resources = []Resource{Secrets(), {configMaps, true}}
			result, err := Run(t.Context(), o)
			want := "not allowed to " + verb + " secrets in the whole cluster"
			if !matches(err, want) || hint.Of(err) == "" {
				t.Fatalf("Run = %v, want %q with a hint", err, want)
			}
			checkSum(t, result)
			if f.requests > 200 {
				t.Errorf("requests = %d, want at most 200 without the permission", f.requests)
			}
			// The other resource is still examined.
			if got, want := countsOf(result.Report.Resources[1]), (counts{Total: 1, Rewritten: 1}); got != want {
				t.Errorf("counts of the ConfigMaps = %+v, want %+v", got, want)
			}
			if result.Report.Verdict != v1alpha1.CoverageIncomplete {
				t.Errorf("verdict = %s, want Incomplete", result.Report.Verdict)
			}
		})
	}
}

func TestRunStopsOnUnexpectedKind(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, map[string]any{"kind": "Secret", "data": "value"})
		return true
	}
	result, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite))
	if !errors.Is(err, errUnexpectedKind) {
		t.Fatalf("Run = %v, want %v", err, errUnexpectedKind)
	}
	checkSum(t, result)
}

func TestStatementNamesNamespaceAndSelector(t *testing.T) {
	f := newFake(t)
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
		t.Errorf("statement = %s, want the labels and the namespace", s)
	}
	if r := result.NewRecord(nil, "", "v1"); r != nil {
		t.Errorf("Recorded = %+v, want nil for a run with a selector", r)
	}
	if f.byKey()[oldKey] != 6 {
		t.Errorf("objects by key = %v, want the other 6 unchanged", f.byKey())
	}
}
