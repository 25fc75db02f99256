package rewriter

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

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

// TestContradictedLater has a server with the old key, and objects that were written with the new one since the
// association. They may come first. The run must end at the first object that contradicts the control, because it
// moves the others back.
func TestContradictedLater(t *testing.T) {
	f := newFake(t)
	f.secrets("m", 10, oldKey)
	o := options(f, v1alpha1.MethodRewrite)
	o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
	f.secrets("a", 5, newKey)
	f.secrets("z", 50, newKey)
	f.servers[0].lags = true
	f.noMetrics(true)
	f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		get := r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/default/secrets/")
		if get { // the order of the list decides which object comes first
			respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "x",
				errors.New(`User "u" cannot get resource "secrets"`)))
		}
		return get
	}
	o.MaxConcurrency = 1
	result, err := Run(t.Context(), o)
	if !errors.Is(err, errContradicted) || result.Report.Verdict != v1alpha1.CoverageContradicted {
		t.Errorf("Run = %+v, %v, want %v", result.Report, err, errContradicted)
	}
	if f.movedBack != 5 {
		t.Errorf("%d objects were moved back, want the 5 that came first", f.movedBack)
	}
}
