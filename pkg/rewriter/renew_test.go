package rewriter

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestServerBeginsWithOldKey has a server that begins with the old key after the first comparison, and
// gets all writes from then on. It must be found before it moves more than a few objects back.
func TestServerBeginsWithOldKey(t *testing.T) {
	for _, at := range []int{60, 101, 110} {
		f := newFake(t)
		f.secrets("a", 100, oldKey)
		patches := 0
		f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.Method == http.MethodPatch {
				patches++
			}
			if patches < at || len(f.servers) > 1 {
				return false
			}
			late := f.addServer()
			late.lags, late.remembers = true, true
			f.balance = func(int) int { return 1 }
			return breakConnection(w)
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.MaxConcurrency, o.Namespace = 1, "default"
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			if d == watchSlow {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		result, err := Run(t.Context(), o)
		if result == nil || result.Report.Verdict == v1alpha1.CoverageProven {
			t.Fatalf("after %d writes: Run = %+v, %v", at, result, err)
		}
		if f.movedBack > 2 { // the writes that show the disagreement
			t.Errorf("after %d writes: %d objects were moved back, want at most 2: %v", at, f.movedBack, err)
		}
	}
}

// TestServerComesAndGoes has a server that lives for some minutes of a run that takes two hours. Its
// Lease is deleted an hour after it has ended.
func TestServerComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.secrets("a", 60, newKey)
		started, lease := time.Now(), ""
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			switch elapsed := time.Since(started); {
			case lease == "" && elapsed > 10*time.Minute:
				lease = "apiserver-late"
				f.leases[lease] = time.Minute
			case elapsed > 80*time.Minute:
				delete(f.leases, lease)
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.QPS = 1. / 120
		if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageNotProven || lease == "" {
			t.Errorf("verdict = %s, want NotProven: %s", r.Verdict, r.Statement)
		}
		f.close()
	})
}

// TestServerIsReplaced has EKS replace each server in the middle of a run by one that writes with the same key.
func TestServerIsReplaced(t *testing.T) {
	for i, at := range []int{20, 21, 50, 51, 70, 71, 130, 131, 180, 181} {
		f := newFake(t)
		f.addServer()
		f.secrets("a", 60, oldKey)
		o := options(f, v1alpha1.MethodRewrite)
		if i%2 == 0 { // the positive control shows the key instead
			f.keyID = "an id that is not the ARN"
			o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
		}
		for i := range 40 {
			f.put("widgets", "default", fmt.Sprintf("w-%05d", i), oldKey)
		}
		f.balance = func(n int) int { return n % 2 }
		patches := 0
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.Method == http.MethodPatch {
				patches++
			}
			if patches == at && len(f.servers) == 2 {
				for _, s := range f.servers {
					s.end()
				}
				f.addServer().remembers = true
				f.addServer().remembers = true
				f.balance = func(n int) int { return 2 + n%2 }
			}
			return false
		}
		o.Sleep = noSleep
		o.Resources = []Resource{Secrets(), {GroupVersionResource: schema.GroupVersionResource{
			Group: "example.com", Version: "v1", Resource: "widgets"}, Namespaced: true}}
		if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven {
			t.Errorf("after %d writes: verdict = %s, want Proven: %s", at, r.Verdict, r.Statement)
		}
	}
}
