package rewriter

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestControlTakenByAnother has another client that writes an object between the read of its
// version and the no-op write. The storage refuses the no-op write then, which shows nothing about the key.
func TestControlTakenByAnother(t *testing.T) {
	f := newFake(t)
	f.writeKey = oldKey
	f.noMetrics(true)
	f.secrets("a", 1, oldKey)
	record := &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
	touched := false
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !touched {
			touched = true
			f.touch("secrets/default/a-00000")
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.Record = noSleep, record
	if r := must(t, o).Report; r.Verdict == v1alpha1.CoverageProven || r.Control == v1alpha1.ControlPassed {
		t.Errorf("verdict = %s, control = %s, want NotProven and none: %s", r.Verdict, r.Control, r.Statement)
	}
}

// TestLateObjectsAfterServersDiverge has a server that goes back to the old key after the first
// list. It must not move back the objects that only the second list has.
func TestLateObjectsAfterServersDiverge(t *testing.T) {
	f := newFake(t)
	f.addServer()
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 30, newKey)
	lists := 0
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if listsSecrets(r) {
			if lists++; lists == 2 {
				f.secrets("late", 50, newKey)
				f.mu.Lock()
				f.servers[1].lags = true
				f.mu.Unlock()
			}
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.MaxConcurrency, o.Namespace = noSleep, 1, "default"
	result, err := Run(t.Context(), o)
	if result == nil || result.Report.Verdict == v1alpha1.CoverageProven {
		t.Fatalf("Run = %+v, %v", result, err)
	}
	if f.movedBack > 1 { // the write that shows the disagreement, which is put back
		t.Errorf("%d objects were moved back, want at most 1: %v", f.movedBack, err)
	}
}

// TestByMetricsWithDeletedObjects deletes current objects between two attempts to read a batch.
// What the first attempt showed does not hold for those that are left.
func TestByMetricsWithDeletedObjects(t *testing.T) {
	f := newFake(t)
	f.secrets("c", 50, newKey)
	f.secrets("s", 50, oldKey)
	scrapes, reading := 0, false
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/api/v1/namespaces/default/secrets/s-00000" && !reading:
			reading = true
			f.mu.Lock()
			f.servers[0].reads[oldKey]++ // another reader: a further attempt is worth it
			f.mu.Unlock()
		case r.URL.Path == "/metrics" && reading:
			if scrapes++; scrapes == 2 {
				for i := range 30 {
					f.remove(fmt.Sprintf("secrets/default/c-%05d", i))
				}
			}
		}
		return false
	}
	o := options(f, v1alpha1.MethodMetrics)
	o.Sleep = noSleep
	c := must(t, o).Report.Resources[0]
	if c.Gone != 30 || c.Current > 20 {
		t.Errorf("counts = %+v, want 30 gone and at most 20 current: the storage has %v", c, f.byKey())
	}
}

// TestServerInBetween has a server that begins with the old key after the servers were compared, is
// written to, and follows or ends before they are compared at the end. Its judgement is not that
// of the servers that were compared.
func TestServerInBetween(t *testing.T) {
	for _, ends := range []bool{false, true} {
		f := newFake(t)
		f.secrets("a", 60, newKey)
		var late *fakeServer
		patches := 0
		f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			if r.Method == http.MethodPatch {
				patches++
			}
			switch {
			case patches == 20 && late == nil:
				late = f.addServer()
				late.lags, late.remembers = true, true
				for i := range 3 { // another client writes through it
					f.objects[fmt.Sprintf("secrets/default/a-%05d", i+1)].key = oldKey
				}
				late.wrote[oldKey]++
			case patches == 40 && ends:
				late.end()
				f.balance = func(int) int { return 0 }
			case patches == 40:
				late.lags = false
				f.balance = func(n int) int { return n % 2 }
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep, o.MaxConcurrency = noSleep, 1
		result := must(t, o)
		if result.Report.Verdict == v1alpha1.CoverageProven || result.NewRecord(nil, "", "") != nil {
			t.Errorf("ends: %t: Proven, but the storage has %v: %s", ends, f.byKey(), result.Report.Statement)
		}
	}
}

// TestServerThatJoins has a server that begins during the run, and always writes with the new key.
func TestServerThatJoins(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 60, oldKey)
	f.intercept = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n == 50 {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.addServer().remembers = true
			f.balance = func(n int) int { return n % 2 }
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven {
		t.Errorf("verdict = %s, want Proven: %s", r.Verdict, r.Statement)
	}
}

// TestKeyFollowsWhileReading lets the only server follow the association while objects are read. They
// were counted under the old key.
func TestKeyFollowsWhileReading(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 60, oldKey)
	f.servers[0].lags = true
	followed := false
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/a-00030") && !followed {
			followed = true
			f.mu.Lock()
			f.servers[0].lags = false
			f.mu.Unlock()
			return breakConnection(w)
		}
		return false
	}
	o := options(f, v1alpha1.MethodMetrics)
	o.Sleep = noSleep
	result := must(t, o)
	checkSum(t, result)
	if r := result.Report; r.Verdict == v1alpha1.CoverageProven || r.Resources[0].Current > 0 {
		t.Errorf("verdict = %s, but the storage has %v: %s %+v", r.Verdict, f.byKey(), r.Statement, r.Resources[0])
	}
}

// TestWitness checks which objects show at the end that the key did not change. One that was proven during
// the run may have been proven later than others, by a server that had followed before them.
func TestWitness(t *testing.T) {
	for _, test := range []struct {
		compared, oneKey bool
		want             v1alpha1.Agreement
	}{
		{true, false, v1alpha1.Agree},
		{false, true, v1alpha1.Agree},
		{false, false, v1alpha1.AgreementUnknown},
	} {
		f := newFake(t)
		f.secrets("a", 1, newKey)
		o := options(f, v1alpha1.MethodRewrite)
		o.complete()
		s, err := newSession(t.Context(), &o)
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(s, Secrets())
		r.witnesses = []witness{{namespace: "default", name: "a-00000", version: f.rev, compared: test.compared}}
		if err := r.agreeAfter(t.Context(), s.servers, test.oneKey); err != nil || r.agreement.After != test.want {
			t.Errorf("compared: %t, one key: %t: agreement = %s, %v, want %s", test.compared, test.oneKey,
				r.agreement.After, err, test.want)
		}
		s.close()
	}
}

// TestSampleWithoutBound has objects that the migrator of the cluster left stale. The sample finds some of
// them, so it says nothing about the others.
func TestSampleWithoutBound(t *testing.T) {
	for key, bounded := range map[string]bool{oldKey: false, newKey: true} {
		f := newFake(t)
		f.secrets("a", 100, key)
		o := options(f, v1alpha1.MethodMigrator)
		o.SampleSize, o.Sleep = 20, noSleep
		if result := must(t, o); !result.Agreed || result.Bounded != bounded {
			t.Errorf("%s: agreed = %t, bounded = %t, want true and %t: %s", key, result.Agreed, result.Bounded, bounded,
				result.Report.Statement)
		}
	}
}

// TestEveryWitnessChanges has other clients that write every object all the time, as kubelets do with nodes.
// If the metrics show one key for the whole run, any object shows that the servers agree at the end.
func TestEveryWitnessChanges(t *testing.T) {
	for name, test := range map[string]struct {
		noMetrics, before bool
		want              v1alpha1.CoverageVerdict
	}{
		"one key":                        {want: v1alpha1.CoverageProven},
		"no metrics":                     {noMetrics: true, want: v1alpha1.CoverageNotProven},
		"another key right before a run": {before: true, want: v1alpha1.CoverageNotProven},
	} {
		f := newFake(t)
		f.addServer()
		f.balance = func(n int) int { return n % 2 }
		f.secrets("a", 5, newKey)
		f.noMetrics(test.noMetrics)
		for _, s := range f.servers {
			if test.before {
				s.lastWrite = oldKey
			}
		}
		lists := 0
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if listsSecrets(r) {
				if lists++; lists == 2 {
					f.mu.Lock()
					f.servers[0].lastWrite, f.servers[1].lastWrite = "", ""
					f.mu.Unlock()
					for i := range 5 {
						f.touch(fmt.Sprintf("secrets/default/a-%05d", i))
					}
				}
			}
			return false
		}
		o := options(f, v1alpha1.MethodRewrite)
		o.Sleep = noSleep
		result, err := Run(t.Context(), o)
		if result == nil || (result.Report.Verdict == v1alpha1.CoverageProven) != (test.want == v1alpha1.CoverageProven) {
			t.Errorf("%s: Run = %+v, %v, want %s", name, result, err, test.want)
		}
	}
}

// TestFirstObjectsAreDeleted deletes the first objects after they were listed. The servers are compared by another one.
func TestFirstObjectsAreDeleted(t *testing.T) {
	f := newFake(t)
	f.addServer()
	f.balance = func(n int) int { return n % 2 }
	f.secrets("a", 20, oldKey)
	deleted := false
	f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && !deleted {
			deleted = true
			for i := range 10 {
				f.remove(fmt.Sprintf("secrets/default/a-%05d", i))
			}
		}
		return false
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep = noSleep
	if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven || r.Resources[0].Gone != 10 {
		t.Errorf("verdict = %s, want Proven and 10 gone: %s %+v", r.Verdict, r.Statement, r.Resources[0])
	}
}
