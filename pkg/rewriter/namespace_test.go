package rewriter

import (
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestCheckNamespace checks that a namespace is refused only if it certainly does not exist.
func TestCheckNamespace(t *testing.T) {
	f := newFake(t)
	if err := CheckNamespace(t.Context(), f.restConfig(), "default"); err != nil {
		t.Errorf("CheckNamespace(default) = %v, want no error", err)
	}
	err := CheckNamespace(t.Context(), f.restConfig(), "typo")
	if err == nil || !strings.Contains(err.Error(), `namespace "typo" does not exist`) {
		t.Errorf("CheckNamespace(typo) = %v, want that it does not exist", err)
	}
	f.intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "", nil))
		return true
	}
	if err := CheckNamespace(t.Context(), f.restConfig(), "typo"); err != nil {
		t.Errorf("CheckNamespace without permission = %v, want no error", err)
	}
}
