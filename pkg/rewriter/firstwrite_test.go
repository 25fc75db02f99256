package rewriter

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestAllServersLagAgain checks that a run does not move objects back if every server
// writes with an older key than an earlier run has recorded.
func TestAllServersLagAgain(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 30, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	o.Record = must(t, o).NewRecord(nil, "", "")
	f.servers[0].lags = true
	result, err := Run(t.Context(), o)
	if !errors.Is(err, errContradicted) || result.Report.Verdict == v1alpha1.CoverageProven || f.byKey()[oldKey] > 0 {
		t.Errorf("Run = %v, %s; the storage has %v, want no object moved back", err, result.Report.Verdict, f.byKey())
	}
	if !matches(err, "--no-record") {
		t.Errorf("hint = %q, want the flag for a wrong record", hint.Of(err))
	}
	if saved := result.NewRecord(o.Record, "", ""); saved == nil || saved.Agreed || saved.ProvenResourceVersion != "" {
		t.Errorf("NewRecord = %+v, want one that proves nothing", saved)
	}
}

// TestAllServersLagBehindPlainText checks that the key from before the association is recognized if every
// server still writes with it. The positive control does not notice it: the storage takes an object that
// is not encrypted at all.
func TestAllServersLagBehindPlainText(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 30, "none")
	f.servers[0].lags = true
	o := options(f, v1alpha1.MethodRewrite)
	record, err := Record{ClusterARN: "arn:c", KeyARN: "arn:key"}.Before(t.Context(), o.Config, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o.Sleep, o.Record = noSleep, &record
	result, err := Run(t.Context(), o)
	if !errors.Is(err, errContradicted) || result.Report.Verdict == v1alpha1.CoverageProven || f.byKey()[oldKey] > 0 {
		t.Errorf("Run = %v, %s; the storage has %v, want no write", err, result.Report.Verdict, f.byKey())
	}
}

// TestRecognizedKey has a record of another id of the key. It contradicts nothing if the metrics name the
// ARN of the key now.
func TestRecognizedKey(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 30, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", WriteKey: "sha256:of an earlier id"}
	if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven {
		t.Errorf("verdict = %s, want Proven: %s", r.Verdict, r.Statement)
	}
}

// TestInterruptedComparison interrupts a run right after a server that lags has moved the compared object
// back. The object must get its key again.
func TestInterruptedComparison(t *testing.T) {
	f := newFake(t)
	f.addServer()
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 1, newKey)
	ctx, cancel := context.WithCancel(t.Context())
	patches, moved := 0, false
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPatch {
			return false
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		patches++ // the first two go to one server, the next two to the other
		for _, server := range f.servers {
			server.lags = patches == 3 || patches == 4
		}
		if patches == 4 {
			moved = f.objects["secrets/default/a-00000"].key == oldKey
			cancel()
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	_, err := Run(ctx, o)
	if !moved || f.byKey()[oldKey] > 0 {
		t.Errorf("Run = %v, moved back: %t; the storage has %v, want no old key", err, moved, f.byKey())
	}
}
