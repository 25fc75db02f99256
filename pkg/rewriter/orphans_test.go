package rewriter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestOrphans has an object in a namespace that does not exist. It is in no list, so nothing can be
// proven about all objects. The first one of the cluster also makes the count fail if it cannot be decrypted.
func TestOrphans(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodProbe, v1alpha1.MethodSample, v1alpha1.MethodMetrics,
		v1alpha1.MethodReadOnly,
	} {
		for _, orphan := range []cell{{namespace: "lost", key: oldKey}, {namespace: "aaa-lost", key: ""}} {
			f := newFake(t)
			f.secrets("a", 20, newKey)
			f.put("secrets", orphan.namespace, "orphan", orphan.key)
			o := options(f, method)
			o.Sleep, o.SampleSize, o.Patience = noSleep, 10, time.Nanosecond
			o.Record = &Record{
				ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
			}
			r := must(t, o).Report
			if r.Verdict != v1alpha1.CoverageIncomplete || len(r.Notes) == 0 ||
				strings.Contains(r.Statement, "All ") {
				t.Errorf("%s, key %q: verdict = %s, want Incomplete: %s %q", method, orphan.key, r.Verdict, r.Statement, r.Notes)
			}
		}
	}
}

// TestExactListsExpire has a list of an old version that expires after the others were read. Their objects must not
// count twice.
func TestExactListsExpire(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodReadOnly, v1alpha1.MethodMetrics,
	} {
		for expire := range exactTries + 1 {
			f := newFake(t)
			f.secrets("a", 300, newKey)
			f.put("secrets", "kube-system", "b", newKey)
			read, expired := make(chan struct{}, 1000), 0
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				exact := r.URL.Query().Get("resourceVersionMatch") == "Exact"
				switch {
				case listsSecrets(r):
					read <- struct{}{}
				case exact && strings.HasSuffix(r.URL.Path, "/kube-system/secrets") && expired < expire:
					<-read
					<-read // the first page of the other list was added before it requests the next one
					expired++
					respondError(w, apierrors.NewResourceExpired("too old"))
					return true
				}
				return false
			}
			o := options(f, method)
			o.Sleep, o.SampleSize = noSleep, 5
			o.Record = &Record{
				ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
			}
			r := must(t, o).Report.Resources[0]
			if r.Total != 301 || expired < expire {
				t.Errorf("%s, %d lists expired: total = %d, want 301", method, expired, r.Total)
			}
		}
	}
}

// TestOrphansAndNewObjects creates an object between each count of the cluster and the lists of its namespaces.
// It must not make up for the one in a namespace that does not exist.
func TestOrphansAndNewObjects(t *testing.T) {
	for _, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodReadOnly, v1alpha1.MethodMetrics,
	} {
		f := newFake(t)
		f.secrets("a", 20, newKey)
		f.put("secrets", "lost", "orphan", oldKey)
		created := 0
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodGet && r.URL.Path == "/api/v1/namespaces" {
				created++
				f.put("secrets", "default", fmt.Sprintf("new-%d", created), newKey)
			}
			return false
		}
		o := options(f, method)
		o.Sleep, o.SampleSize = noSleep, 10
		if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageIncomplete || created == 0 {
			t.Errorf("%s: verdict = %s, want Incomplete: %s", method, r.Verdict, r.Statement)
		}
	}
}

// TestNoOrphans has an object that is deleted and created again while each of the first lists is read. The API
// server keeps old versions, or not.
func TestNoOrphans(t *testing.T) {
	for i, method := range []v1alpha1.CoverageMethod{
		v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodReadOnly, v1alpha1.MethodMetrics,
		v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodReadOnly, v1alpha1.MethodMetrics,
	} {
		f := newFake(t)
		f.forgets = i >= 4
		f.secrets("a", 10, newKey)
		lists := 0
		f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			switch {
			case listsSecrets(r) && lists < 3:
				lists++
				f.remove("secrets/default/a-00009")
			case r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets":
				f.put("secrets", "default", "a-00009", newKey)
			}
			return false
		}
		o := options(f, method)
		o.Sleep, o.SampleSize = noSleep, 5
		result := must(t, o)
		checkSum(t, result)
		if r := result.Report; r.Verdict == v1alpha1.CoverageIncomplete || len(r.Notes) > 0 {
			t.Errorf("%s: verdict = %s, notes = %v, want no Incomplete", method, r.Verdict, r.Notes)
		}
	}
}

// TestOrphansWithoutCount checks that an object in a namespace that does not exist is also noticed if the
// API server does not count: with a selector, or for other reasons. Then the whole cluster is listed.
func TestOrphansWithoutCount(t *testing.T) {
	for name, test := range map[string]struct {
		selector string
		noCount  bool
		n        int
		requests int // for a count that finds no orphan
	}{
		"counted":                   {n: 300, requests: 1},
		"not counted, one object":   {noCount: true, n: 1, requests: 1},
		"not counted":               {noCount: true, n: 300, requests: 3},
		"selector, no objects":      {selector: "app=x", requests: 1},
		"selector, one object":      {selector: "app=x", n: 1, requests: 1},
		"selector, several pages":   {selector: "app=x", n: 300, requests: 2},
		"selector and not selected": {selector: "app=y", n: 300, requests: 1},
	} {
		for _, method := range []v1alpha1.CoverageMethod{
			v1alpha1.MethodRewrite, v1alpha1.MethodSample, v1alpha1.MethodMetrics, v1alpha1.MethodReadOnly,
		} {
			for _, orphan := range []bool{false, true} {
				f := newFake(t)
				f.noCount = test.noCount
				f.secrets("a", test.n, newKey)
				if orphan {
					f.put("secrets", "lost", "orphan", newKey)
				}
				for _, o := range f.objects {
					o.labels = map[string]string{"app": "x"}
				}
				requests := 0
				f.intercept = func(_ int, _ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets" {
						requests++
					}
					return false
				}
				o := options(f, method)
				o.Sleep, o.SampleSize, o.Selector = noSleep, 10, test.selector
				o.Record = &Record{
					ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersion: "1", ProvenResourceVersion: "1", Agreed: true,
				}
				r := must(t, o).Report
				want := orphan && test.selector != "app=y"
				if got := r.Verdict == v1alpha1.CoverageIncomplete; got != want {
					t.Errorf("%s, %s, orphan %t: verdict = %s: %s", name, method, orphan, r.Verdict, r.Statement)
				}
				if method == v1alpha1.MethodMetrics && !orphan && requests != test.requests {
					t.Errorf("%s: requests for the whole cluster = %d, want %d", name, requests, test.requests)
				}
			}
		}
	}
}

// TestOrphansInOneNamespace checks that the whole cluster is not listed for one namespace.
func TestOrphansInOneNamespace(t *testing.T) {
	f := newFake(t)
	f.secrets("a", 300, newKey)
	f.put("secrets", "lost", "orphan", oldKey)
	for _, o := range f.objects {
		o.labels = map[string]string{"app": "x"}
	}
	f.intercept = deny("/api/v1/secrets", apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "", nil))
	o := options(f, v1alpha1.MethodRewrite)
	o.Sleep, o.Selector, o.Namespace = noSleep, "app=x", "default"
	if r := must(t, o).Report; r.Verdict != v1alpha1.CoverageProven {
		t.Errorf("verdict = %s, want Proven: %s", r.Verdict, r.Statement)
	}
}
