package rewriter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
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
		{"a connection breaks while its server is identified", func(f *fake, _ *Options) {
			f.addServer()
			f.balance = func(n int) int { return n % 2 }
			var asked atomic.Int64
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				return r.URL.Path == "/api" && asked.Add(1) == 2 && breakConnection(w)
			}
		}, v1alpha1.CoverageProven, "All 2 API servers verified"},
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
		{"another server is not reachable", func(f *fake, _ *Options) {
			f.addServer().down = true
			f.balance = func(n int) int { return n % 2 }
		}, v1alpha1.CoverageNotProven, "only 1 of 2 API servers"},
		{"metrics without the series of the keys", func(f *fake, _ *Options) { f.servers[0].series = noSeries },
			v1alpha1.CoverageNotProven, "nothing shows that the write key"},
		{"metrics that break off", func(f *fake, _ *Options) { f.servers[0].series = "# HELP a b\nc 1\nd" },
			v1alpha1.CoverageNotProven, "nothing shows that the write key"},
		{"a provider of another kind", func(f *fake, _ *Options) {
			f.servers[0].series = strings.ReplaceAll(noSeries, "NAME", "aescbc")
		}, v1alpha1.CoverageNotProven, "nothing shows that the write key"},
		{"the clock of this computer is hours off", func(_ *fake, o *Options) {
			o.Now = func() time.Time { return time.Now().Add(-5 * time.Hour) }
		}, v1alpha1.CoverageProven, "The API server verified"},
		{"the clocks of the servers are hours apart", func(f *fake, _ *Options) {
			f.addServer()
			f.leases[f.servers[1].name] = -3 * time.Hour
			f.balance = func(n int) int { return n % 2 }
		}, v1alpha1.CoverageProven, "All 2 API servers verified"},
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

// noSeries is a page of metrics without the series that name keys.
const noSeries = `# HELP process_start_time_seconds the start
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="from_storage",` +
	`transformer_prefix="k8s:enc:NAME:v1:key1:"} 30
process_start_time_seconds 5
`

// TestStopsBeforeTheFirstWrite checks that nothing is written without the right to list
// namespaces, or if the database is nearly full.
func TestStopsBeforeTheFirstWrite(t *testing.T) {
	for name, test := range map[string]struct {
		setup func(f *fake)
		want  string
	}{
		"no right on namespaces": {func(f *fake) {
			f.intercept = deny("/api/v1/namespaces", apierrors.NewForbidden(corev1.Resource("namespaces"), "",
				errors.New(`User "u" cannot list resource "namespaces" in API group "" at the cluster scope`)))
		}, "not allowed to list namespaces"},
		"the database at 85 %": {func(f *fake) {
			f.servers[0].series = fmt.Sprintf("apiserver_storage_size_bytes %g\n", 0.85*DefaultEtcdQuota)
		}, "the database of the cluster has 6.8 GiB of 8 GiB"},
	} {
		f := newFake(t)
		f.secrets("a", 30, oldKey)
		test.setup(f)
		result, err := Run(t.Context(), options(f, v1alpha1.MethodRewrite))
		if !matches(err, test.want) || f.writes != 0 || result.Report.Verdict != v1alpha1.CoverageIncomplete {
			t.Errorf("%s: Run = %v, %d writes, report = %+v; want %q and no write", name, err, f.writes, result.Report,
				test.want)
		}
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
		{"secrets with subresources", rule("UPDATE", "", "secrets/*"), true},
		{"an empty subresource", rule("UPDATE", "", "*/"), true},
		{"subresources", rule("UPDATE", "*", "*/status"), false},
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

// TestWebhookBeginsDuringTheRun has servers that still write with the old key, and a webhook that is added after
// the first write and changes each object once. What the storage takes then does not show another key.
func TestWebhookBeginsDuringTheRun(t *testing.T) {
	f := newFake(t)
	f.writeKey = oldKey
	f.noMetrics(true)
	f.secrets("a", 50, oldKey)
	changed := map[string]bool{}
	f.mutate = func(o *cell) bool {
		if f.webhooks == nil {
			f.webhooks = []admissionv1.MutatingWebhookConfiguration{{
				ObjectMeta: metav1.ObjectMeta{Name: "labels"},
				Webhooks: []admissionv1.MutatingWebhook{{Name: "add.example.com", Rules: []admissionv1.RuleWithOperations{{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"secrets"}},
				}}}},
			}}
		}
		first := !changed[o.name]
		changed[o.name] = true
		return first
	}
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
	r := must(t, o).Report
	if r.Verdict == v1alpha1.CoverageProven || r.Control != v1alpha1.ControlNone || r.Resources[0].Stale != 0 ||
		!strings.Contains(fmt.Sprint(r.Notes), "webhook add.example.com of labels") {
		t.Errorf("report = %s, control %s, %+v, notes %v", r.Verdict, r.Control, r.Resources[0], r.Notes)
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

// Without an object, nothing shows that the API servers agree.
func TestNoObjects(t *testing.T) {
	f := newFake(t)
	result := must(t, options(f, v1alpha1.MethodRewrite))
	want := v1alpha1.CoverageAgreement{Before: v1alpha1.AgreementUnknown, After: v1alpha1.AgreementUnknown}
	if *result.Report.Agreement != want || result.Report.Verdict != v1alpha1.CoverageProven {
		t.Errorf("agreement = %+v, verdict = %s, want %+v and Proven", *result.Report.Agreement, result.Report.Verdict, want)
	}
	if record := result.NewRecord(nil, "", ""); record != nil {
		t.Errorf("NewRecord = %+v, want none", record)
	}
}
