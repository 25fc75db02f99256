package rewriter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Before the closing pass, other clients write the objects that were compared first, and a server that lags takes
// the place of the first one. Nothing can be compared, so nothing more is written.
func TestNothingToCompareAtTheEnd(t *testing.T) {
	for _, several := range []bool{false, true} {
		for _, metrics := range []bool{false, true} {
			f := newFake(t)
			f.noMetrics(!metrics)
			f.secrets("a", 200, oldKey)
			lists := 0
			f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				if !listsSecrets(r) {
					return false
				}
				if lists++; lists == 2 {
					for i := range maxWitnesses + 8 {
						f.touch(fmt.Sprintf("secrets/default/a-%05d", i))
					}
					f.mu.Lock()
					defer f.mu.Unlock()
					late := f.addServer()
					late.lags, late.noMetrics, late.remembers = true, !metrics, true
					f.balance = func(int) int { return 1 }
					if several {
						f.addServer().noMetrics = !metrics
						f.balance = func(n int) int { return 1 + n%2 }
					}
					f.servers[0].end()
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.Sleep, o.MaxConcurrency, o.Namespace, o.Patience = noSleep, 1, "default", time.Second
			result, err := Run(t.Context(), o)
			r := result.Report
			noted := strings.Contains(fmt.Sprint(r.Notes), "compared again")
			if r.Verdict != v1alpha1.CoverageNotProven || noted == IsUnsafe(err) || err != nil && !IsUnsafe(err) {
				t.Errorf("several %t, metrics %t: %s, %v, %q", several, metrics, r.Verdict, err, r.Notes)
			}
			if f.movedBack > 0 {
				t.Errorf("several %t, metrics %t: %d objects were moved back", several, metrics, f.movedBack)
			}
			f.close()
		}
	}
}

// A server that lags joins before the end, and the balancer prefers it. The object that it took is put back.
func TestLateServerIsAskedFirst(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 60, newKey)
	f.noMetrics(true)
	patches := 0
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method == http.MethodPatch {
			patches++
		}
		if patches == 62 && len(f.servers) == 1 {
			late := f.addServer()
			late.lags, late.noMetrics = true, true
			from := f.dialled
			f.balance = func(n int) int {
				if n-from < minLanes {
					return 1
				}
				return 0
			}
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.MaxConcurrency = noSleep, 1
	r := must(t, o).Report
	if r.Agreement.After != v1alpha1.Disagree || f.movedBack == 0 {
		t.Errorf("agreement = %+v, moved %d, want a disagreement", r.Agreement, f.movedBack)
	}
	if f.byKey()[oldKey] > 0 {
		t.Errorf("%d objects are left under the old key", f.byKey()[oldKey])
	}
}

// The comparison of several resources at the end stops at the first disagreement. What it showed counts, also if
// the run is interrupted then.
func TestDisagreementEndsTheComparison(t *testing.T) {
	const resources = 20
	last := fmt.Sprintf("/r%02d", resources-1)
	for _, interrupted := range []bool{false, true} {
		f := newFake(t)
		f.noMetrics(true)
		f.secrets("a", 10, newKey)
		ctx, cancel := context.WithCancel(t.Context())
		o := options(f, v1alpha1.MethodRewrite)
		o.Resources = []Resource{Secrets()}
		for i := range resources {
			r := Resource{Namespaced: true}
			r.GroupVersionResource = schema.GroupVersionResource{
				Group: "example.com", Version: "v1", Resource: fmt.Sprintf("r%02d", i),
			}
			f.put(r.Resource, "default", "w", newKey)
			o.Resources = append(o.Resources, r)
		}
		written := false
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			switch {
			case r.Method == http.MethodPatch && strings.HasSuffix(r.URL.Path, last+"/w"):
				written = true
			case written && len(f.servers) == 1 && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, last):
				late := f.addServer()
				late.lags, late.noMetrics = true, true
				from := f.dialled
				f.balance = func(n int) int { return (n - from) % 2 }
			case interrupted && f.movedBack > 0:
				cancel()
			}
			return false
		}
		o.Sleep, o.MaxConcurrency = noSleep, 1
		o.Record = &Record{
			ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
		}
		result, err := Run(ctx, o)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if f.movedBack > 1 || f.byKey()[oldKey] > 0 {
			t.Errorf("interrupted %t: %d objects moved back, left %v", interrupted, f.movedBack, f.byKey())
		}
		if r := result.Report; r.Agreement.After != v1alpha1.Disagree || !strings.Contains(r.Statement, "disagree") {
			t.Errorf("interrupted %t: agreement = %+v, %s", interrupted, r.Agreement, r.Statement)
		}
		if result.NewRecord(o.Record, "", "") == nil {
			t.Errorf("interrupted %t: the record is not taken back", interrupted)
		}
		cancel()
		f.close()
	}
}

// Ctrl-C arrives while a server that lags handles the write of a comparison.
func TestInterruptedWhileServerLags(t *testing.T) {
	f := newFake(t)
	f.addServer().lags = true
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 5, newKey)
	for _, s := range f.servers {
		s.wroteBoth = true
	}
	ctx, cancel := context.WithCancel(t.Context())
	patches := 0
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch {
			if patches++; patches == 3 { // the first write to the second server
				cancel()
				time.Sleep(20 * time.Millisecond)
			}
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	_, err := Run(ctx, o)
	if err == nil || f.movedBack != 1 {
		t.Errorf("error = %v, %d objects moved, want an error and one object", err, f.movedBack)
	}
	if f.byKey()[oldKey] > 0 {
		t.Errorf("%d objects are left under the old key", f.byKey()[oldKey])
	}
}
