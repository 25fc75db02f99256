package rewriter

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestFirstObjectsInClosingList has objects that appear after the first list. The servers must be
// compared before these are written.
func TestFirstObjectsInClosingList(t *testing.T) {
	for _, lags := range []bool{true, false} {
		f := newFake(t)
		f.addServer().lags = lags
		f.balance = func(n int) int { return n % 2 }
		var lists atomic.Int64
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/secrets") && lists.Add(1) == 2 {
				f.secrets("late", 20, oldKey)
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.Namespace = noSleep, "default"
		result, err := Run(t.Context(), o)
		if lags != errors.Is(err, errDisagree) || result.Report.Agreement.Before == v1alpha1.Agree == lags {
			t.Errorf("lags: %t: Run = %+v, %v", lags, result.Report.Agreement, err)
		}
		if old := f.byKey()[oldKey]; lags && old < 19 || !lags && old > 0 {
			t.Errorf("lags: %t: %d of 20 objects have the old key", lags, old)
		}
	}
}

// TestNoObjectOfTheFirstListIsLeft deletes the objects of the first list before they are compared. The servers must be
// compared before those of the closing list are written: one of them may have followed another key since.
func TestNoObjectOfTheFirstListIsLeft(t *testing.T) {
	for _, lags := range []bool{true, false} {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.put("secrets", "default", "early", newKey)
		var lists atomic.Int64
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			switch {
			case strings.HasSuffix(r.URL.Path, "/secrets/early"):
				f.remove("secrets/default/early")
			case strings.HasSuffix(r.URL.Path, "/secrets") && lists.Add(1) == 2:
				f.secrets("late", 40, newKey)
				f.mu.Lock()
				f.servers[1].lags = lags
				f.mu.Unlock()
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.Namespace = noSleep, "default"
		result, err := Run(t.Context(), o)
		if lags != IsUnsafe(err) || f.movedBack > 2 {
			t.Errorf("lags: %t: Run = %v, %d objects were moved back", lags, err, f.movedBack)
		}
		if got := result.Report.Agreement.Before; got == v1alpha1.Agree {
			t.Errorf("lags: %t: agreement before the first write = %s, want another", lags, got)
		}
	}
}
