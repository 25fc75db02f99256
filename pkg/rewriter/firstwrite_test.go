package rewriter

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
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

// TestServerIsNotReached has a server that lags, lives from the start, and gets no connection before the writes.
// Then it gets them all, calls old objects current, and ends before the comparison at the end.
func TestServerIsNotReached(t *testing.T) {
	for _, look := range []bool{false, true} {
		for _, key := range []string{oldKey, newKey} {
			f := newFake(t)
			late := f.addServer()
			late.lags = true
			f.latency = 2 * time.Millisecond
			f.secrets("a", 60, key)
			patches, lists := 0, 0
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				switch {
				case r.Method == http.MethodPatch:
					patches++
				case listsSecrets(r):
					lists++
				}
				switch {
				case patches == 20 && !late.down:
					f.balance = func(int) int { return 1 }
					patches++
					return breakConnection(w)
				case lists == 2:
					late.end()
					f.balance = func(int) int { return 0 }
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.MaxConcurrency, o.Namespace = 1, "default"
			o.Sleep = func(ctx context.Context, d time.Duration) error {
				if d == watchSlow || d == confineInterval && !look {
					<-ctx.Done()
				}
				return ctx.Err()
			}
			result, err := Run(t.Context(), o)
			if result == nil || result.Report.Verdict == v1alpha1.CoverageProven || look != errors.Is(err, errNotReached) {
				t.Errorf("look %t, %s key: Run = %+v, %v; the storage has %v", look, key, result, err, f.byKey())
			}
			if look && f.movedBack > 20 {
				t.Errorf("%s key: %d objects were moved back, want a few", key, f.movedBack)
			}
			f.close()
		}
	}
}

// TestServerWithSlowClock has a server that lags, whose Lease seems to be old. The first connections do not lead
// to it. It must be compared before the first write.
func TestServerWithSlowClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		late := f.addServer()
		late.lags, f.leases[late.name] = true, 5*time.Minute
		f.secrets("a", 60, newKey)
		f.balance = func(n int) int { return min(n/4, 1) }
		result, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite))
		if !IsUnsafe(err) || f.writes > 2 || f.byKey()[oldKey] > 0 {
			t.Errorf("Run = %+v, %v with %d writes; the storage has %v", result, err, f.writes, f.byKey())
		}
		f.close()
	})
}

// TestFirstServerIsBlind has three servers: one cannot read the new key, one can but writes with the old one. The
// object that is compared must not stay under the old key.
func TestFirstServerIsBlind(t *testing.T) {
	for blind := range 3 {
		f := newFake(t)
		f.addServer()
		f.addServer()
		f.balance = func(n int) int { return n % 3 }
		f.servers[blind].lags, f.servers[blind].blind, f.servers[(blind+1)%3].lags = true, true, true
		for _, s := range f.servers {
			s.wroteBoth = true
		}
		f.secrets("a", 60, newKey)
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.Patience, o.Namespace = noSleep, time.Second, "default"
		_, err := Run(t.Context(), o)
		if err == nil || f.byKey()[oldKey] > 0 {
			t.Errorf("server %d: Run = %v; the storage has %v, want no old key", blind, err, f.byKey())
		}
		f.close()
	}
}

// TestFirstListFails has a server that writes with the old key. The object that is compared cannot be read by the
// first list, or another client has written it since. It must not stay under the old key.
func TestFirstListFails(t *testing.T) {
	for _, fails := range []bool{true, false} {
		for first := range 2 {
			f := newFake(t)
			f.addServer().lags = true
			f.servers[0].wroteBoth, f.servers[1].wroteBoth = true, true
			f.balance = func(n int) int { return (n + first) % 2 }
			f.secrets("a", 1, newKey)
			listed := 0
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if !listsSecrets(r) {
					return false
				}
				if listed++; listed > 1 {
					return false
				}
				if fails {
					respondError(w, undecryptableError(f.objects["secrets/default/a-00000"]))
					return true
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.serveList(f.servers[0], w, r, "secrets", "default")
				f.store(f.objects["secrets/default/a-00000"])
				return true
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.Sleep, o.Patience, o.Namespace = noSleep, time.Nanosecond, "default"
			_, err := Run(t.Context(), o)
			if !errors.Is(err, errDisagree) || f.byKey()[oldKey] > 0 {
				t.Errorf("list fails: %t, server %d first: Run = %v; the storage has %v", fails, first, err, f.byKey())
			}
			f.close()
		}
	}
}

// TestInterruptedFirstAnswer interrupts a run while the first server that is asked, which lags, takes the object. The
// others must put it back.
func TestInterruptedFirstAnswer(t *testing.T) {
	for first := range 2 {
		f := newFake(t)
		f.addServer()
		f.servers[0].lags = true
		f.servers[0].wroteBoth, f.servers[1].wroteBoth = true, true
		f.balance = func(n int) int { return (n + first) % 2 }
		f.secrets("a", 1, newKey)
		ctx, cancel := context.WithCancel(t.Context())
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch {
				cancel()
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep = noSleep
		if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) || f.byKey()[oldKey] > 0 {
			t.Errorf("server %d first: Run = %v; the storage has %v, want no old key", first, err, f.byKey())
		}
		f.close()
	}
}

// TestConnectionMovesBetweenPasses has a connection for the writes that moves to a server that was not compared, and
// lags, before the closing writes.
func TestConnectionMovesBetweenPasses(t *testing.T) {
	f := newFake(t)
	f.addServer().lags = true
	f.leases = nil
	f.secrets("a", 200, oldKey)
	lists := 0
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !listsSecrets(r) {
			return false
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if lists++; lists == 2 {
			f.balance = func(int) int { return 1 }
			return breakConnection(w)
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.MaxConcurrency, o.Namespace = 1, "default"
	if _, err := Run(t.Context(), o); !errors.Is(err, errStray) || f.movedBack > 0 {
		t.Errorf("Run = %v; %d objects were moved back, want none", err, f.movedBack)
	}
}
