package rewriter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// noSleep does not wait.
func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// TestWhatCannotBeProven checks that a run without some permission or server ends with
// what it could show, and not with Proven.
func TestWhatCannotBeProven(t *testing.T) {
	tests := []struct {
		name    string
		setup   func(f *fake, o *Options)
		verdict v1alpha1.CoverageVerdict
		want    string // in the statement
	}{
		{"one server", func(*fake, *Options) {}, v1alpha1.CoverageProven, "The API server verified"},
		{"two servers", func(f *fake, _ *Options) {
			f.addServer()
			f.balance = func(n int) int { return n % 2 }
		}, v1alpha1.CoverageProven, "All 2 API servers verified"},
		{"no right on leases", func(f *fake, _ *Options) { f.leases = nil },
			v1alpha1.CoverageNotProven, "unknown how many API servers"},
		{"no right on metrics", func(f *fake, _ *Options) { f.noMetrics(true) },
			v1alpha1.CoverageNotProven, "nothing shows that the write key"},
		{"no right on metrics, AWS-owned key", func(f *fake, o *Options) {
			f.noMetrics(true)
			o.KeyARN = ""
		}, v1alpha1.CoverageProven, "The API server verified"},
		{"another server is not reached", func(f *fake, _ *Options) { f.addServer() },
			v1alpha1.CoverageNotProven, "only 1 of 2 API servers"},
		{"a proxy that pools", func(f *fake, _ *Options) {
			f.addServer()
			f.pool = true
		}, v1alpha1.CoverageNotProven, "a proxy spreads the requests"},
		{"connections that end after each answer", func(f *fake, _ *Options) {
			f.addServer()
			f.balance = func(n int) int { return n % 2 }
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/api" {
					w.Header().Set("Connection", "close")
				}
				return false
			}
		}, v1alpha1.CoverageProven, "All 2 API servers"},
		{"a Lease of a server that has ended", func(f *fake, _ *Options) { f.leases["ended"] = time.Hour },
			v1alpha1.CoverageProven, "The API server verified"},
		{"a Lease of a server that has just ended", func(f *fake, _ *Options) {
			started := time.Now()
			f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, "leases") {
					f.mu.Lock()
					f.leases["ended"] = 5*time.Second + time.Since(started)
					f.mu.Unlock()
				}
				return false
			}
		}, v1alpha1.CoverageProven, "The API server verified"},
		{"a server with a slow clock is not reached", func(f *fake, _ *Options) { f.leases["slow"] = 2 * time.Hour },
			v1alpha1.CoverageNotProven, "only 1 of 2 API servers"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.secrets("a", 30, newKey)
				o := options(f, v1alpha1.MethodRewrite)
				test.setup(f, &o)
				if _, ended := f.leases["ended"]; ended && f.leases["ended"] == time.Hour {
					started := time.Now() // it is not renewed
					f.intercept = func(int, http.ResponseWriter, *http.Request) bool {
						f.mu.Lock()
						f.leases["ended"] = time.Hour + time.Since(started)
						f.mu.Unlock()
						return false
					}
				}
				r := must(t, o).Report
				if r.Verdict != test.verdict || !strings.Contains(r.Statement, test.want) {
					t.Errorf("report = %s: %s; want %s with %q; %+v %+v", r.Verdict, r.Statement, test.verdict, test.want,
						r.Servers, r.Agreement)
				}
			})
		})
	}
}

// TestContradicted checks that a server which calls an object current that was not written
// since before the association is not believed.
func TestContradicted(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 30, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
	f.servers[0].lags = true
	f.noMetrics(true)
	result, err := Run(t.Context(), o)
	if !errors.Is(err, errContradicted) {
		t.Fatalf("Run = %v, want %v", err, errContradicted)
	}
	checkSum(t, result)
	r := result.Report
	if r.Verdict != v1alpha1.CoverageContradicted || r.Control != v1alpha1.ControlContradicted {
		t.Errorf("report = %s, control %s: %s; want Contradicted", r.Verdict, r.Control, r.Statement)
	}
	if record := result.NewRecord(o.Record, "", ""); record != nil {
		t.Errorf("NewRecord = %+v, want nil", record)
	}
}

// TestAllServersLagAgain checks that a run does not move objects back if every server
// writes with an older key than an earlier run has recorded.
func TestAllServersLagAgain(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 30, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = must(t, o).NewRecord(nil, "", "")
	f.servers[0].lags = true
	result, err := Run(t.Context(), o)
	if !errors.Is(err, errContradicted) || result.Report.Verdict == v1alpha1.CoverageProven || f.byKey()[oldKey] > 0 {
		t.Errorf("Run = %v, %s; the storage has %v, want no object moved back", err, result.Report.Verdict, f.byKey())
	}
}

// TestAdmission checks which webhooks are named, and that nothing is written without the
// permission to change objects.
func TestAdmission(t *testing.T) {
	rule := func(operation admissionv1.OperationType, group, resource string) admissionv1.RuleWithOperations {
		return admissionv1.RuleWithOperations{
			Operations: []admissionv1.OperationType{operation},
			Rule:       admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"v1"}, Resources: []string{resource}},
		}
	}
	clusterScope := admissionv1.ClusterScope
	clusterWide := rule("*", "*", "*")
	clusterWide.Scope = &clusterScope
	tests := []struct {
		name string
		rule admissionv1.RuleWithOperations
		want bool
	}{
		{"updates of secrets", rule("UPDATE", "", "secrets"), true},
		{"everything", rule("*", "*", "*"), true},
		{"all with subresources", rule("UPDATE", "*", "*/*"), true},
		{"creation", rule("CREATE", "", "secrets"), false},
		{"pods", rule("UPDATE", "", "pods"), false},
		{"another group", rule("UPDATE", "apps", "secrets"), false},
		{"status", rule("UPDATE", "", "secrets/status"), false},
		{"cluster-scoped objects", clusterWide, false},
	}
	for _, test := range tests {
		f := newFake(t)
		f.secrets("a", 5, oldKey)
		f.webhooks = []admissionv1.MutatingWebhookConfiguration{{
			ObjectMeta: metav1.ObjectMeta{Name: "labels"},
			Webhooks: []admissionv1.MutatingWebhook{
				{Name: "add.example.com", Rules: []admissionv1.RuleWithOperations{test.rule}},
			},
		}}
		o := options(f, v1alpha1.MethodRewrite)
		_, err := Run(t.Context(), o)
		var admission *AdmissionError
		if errors.As(err, &admission) != test.want || test.want != (f.writes == 0) {
			t.Errorf("%s: Run = %v, %d writes; want an error: %v", test.name, err, f.writes, test.want)
		}
		if test.want && !strings.Contains(err.Error(), "webhook add.example.com of labels") {
			t.Errorf("%s: Run = %v, want the name of the webhook", test.name, err)
		}
		if !test.want {
			continue
		}
		o.AllowAdmissionChanges = true
		o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
		if r := must(t, o).Report; r.Resources[0].Stale != 0 {
			t.Errorf("%s: stale = %d, want 0: a webhook may have changed the objects", test.name, r.Resources[0].Stale)
		}
	}
}

// TestAdmissionForbidden checks that webhooks that cannot be listed count as present.
func TestAdmissionForbidden(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 5, oldKey)
	f.intercept = deny("/mutatingwebhookconfigurations", apierrors.NewForbidden(
		admissionv1.Resource("mutatingwebhookconfigurations"), "", nil))
	var admission *AdmissionError
	if _, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite)); !errors.As(err, &admission) || f.writes > 0 {
		t.Errorf("Run = %v, %d writes, want an AdmissionError", err, f.writes)
	}
}

// TestHangingWebhook checks that a namespace whose webhook does not respond does not hold
// up the others, and is named.
func TestHangingWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		for i := range 300 {
			f.put("secrets", "default", fmt.Sprintf("a-%d", i), oldKey)
			f.put("secrets", "kube-system", fmt.Sprintf("b-%d", i), oldKey)
		}
		var done time.Duration
		started := time.Now()
		f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch || !strings.Contains(r.URL.Path, "/default/") {
				if r.Method == http.MethodPatch {
					f.mu.Lock()
					if f.writes < 300 {
						done = time.Since(started)
					}
					f.mu.Unlock()
				}
				return false
			}
			time.Sleep(10 * time.Second)
			respondError(w, apierrors.NewInternalError(errors.New(
				`failed calling webhook "slow.example.com": context deadline exceeded`)))
			return true
		}
		waiting := ""
		o := options(f, v1alpha1.MethodRewrite)
		o.Progress = func(p Progress) {
			if p.Waiting != "" {
				waiting = p.Waiting
			}
		}
		r := must(t, o).Report.Resources[0]
		if r.Rewritten != 300 || r.Failed != 300 || done > time.Minute {
			t.Errorf("counts = %+v, the others took %v; want 300 rewritten within a minute", countsOf(r), done)
		}
		if !strings.Contains(waiting, "default") || !strings.Contains(waiting, "slow.example.com") {
			t.Errorf("progress names %q, want the namespace and the webhook", waiting)
		}
	})
}

// TestDatabaseIsFull checks that a run ends at once, and says whom to ask for help.
func TestDatabaseIsFull(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 2000, oldKey)
	full := 0
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Method != http.MethodPatch || f.writes < 500 {
			return false
		}
		full++
		respondError(w, apierrors.NewInternalError(errors.New("etcdserver: mvcc: database space exceeded")))
		return true
	}
	o := options(f, v1alpha1.MethodRewrite)
	result, err := Run(t.Context(), o)
	if !noSpace(err) || !matches(err, "AWS support") {
		t.Errorf("Run = %v, want that the database is full", err)
	}
	checkSum(t, result)
	if full > 100 {
		t.Errorf("requests after the first refusal = %d, want at most 100", full)
	}
}

// TestGuard checks when a run pauses and when it stops, by the size of the database.
func TestGuard(t *testing.T) {
	now := time.Unix(0, 0)
	resource := Secrets()
	g := &guard{quota: 100, now: func() time.Time { return now }}
	if err := g.begin(&apiserver.Metrics{StorageBytes: 85}, resource, 1); err == nil {
		t.Error("begin at 85 % = nil, want an error")
	}
	g = &guard{quota: 1000, now: func() time.Time { return now }}
	if err := g.begin(&apiserver.Metrics{StorageBytes: 400}, resource, 1); err != nil {
		t.Fatalf("begin at 40 %% = %v", err)
	}
	steps := []struct {
		after  time.Duration
		size   float64
		paused bool
		stops  bool
	}{
		{time.Second, 500, false, false},
		{time.Second, 620, true, false}, // more than half of the space up to 80 %
		{compaction, 620, true, false},
		{time.Second, 620, false, false},
		{time.Second, 700, false, false},
		{time.Second, 720, true, false},
		{time.Second, 800, true, true},
	}
	for i, step := range steps {
		now = now.Add(step.after)
		if err := g.observe(step.size); (err != nil) != step.stops || g.isPaused() != step.paused {
			t.Errorf("step %d: observe(%v) = %v, paused %v; want %+v", i, step.size, err, g.isPaused(), step)
		}
	}
}

// TestUnrecognizedKey checks that a key whose id is not its ARN is proven by the positive
// control, and later by the key that such a run has recorded.
func TestUnrecognizedKey(t *testing.T) {
	f := newFake(t)
	f.keyID = "opaque"
	f.secrets("a", 30, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
	first := must(t, o)
	if r := first.Report; r.Verdict != v1alpha1.CoverageProven || r.Servers.WriteKey != v1alpha1.WriteKeyUnrecognized {
		t.Fatalf("report = %s, %+v: %s; want Proven by the control", r.Verdict, r.Servers, r.Statement)
	}
	for _, test := range []struct {
		record *Record
		want   v1alpha1.CoverageVerdict
	}{
		{nil, v1alpha1.CoverageNotProven},
		{first.NewRecord(o.Record, "", ""), v1alpha1.CoverageProven},
	} {
		o.Record = test.record
		if r := must(t, o).Report; r.Verdict != test.want {
			t.Errorf("with the record %+v: report = %s: %s; want %s", test.record, r.Verdict, r.Statement, test.want)
		}
	}
}
