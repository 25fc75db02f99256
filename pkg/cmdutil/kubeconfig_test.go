package cmdutil

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
)

// The connection names this tool, has no rate limit, and prints no warnings of the server.
func TestREST(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/namespaces" || r.Header.Get("User-Agent") != UserAgent+"/v1" {
			http.Error(w, r.URL.Path, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"NamespaceList","apiVersion":"v1","items":[{"metadata":{"name":"default"}}]}`))
	}))
	defer server.Close()
	path := filepath.Join(t.TempDir(), "config")
	config := `{"kind":"Config","apiVersion":"v1","current-context":"a",
		"contexts":[{"name":"a","context":{"cluster":"b"}}],
		"clusters":[{"name":"b","cluster":{"server":"` + server.URL + `"}}]}`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	f := NewFactory(genericiooptions.NewTestIOStreamsDiscard(), "v1")
	*f.Kube.KubeConfig = path
	b, _ := f.Bind("") // the server is not an EKS endpoint
	got, err := b.REST()
	if err != nil {
		t.Fatal(err)
	}
	if _, quiet := got.WarningHandler.(rest.NoWarnings); !quiet || got.QPS >= 0 {
		t.Errorf("REST = QPS %v, warning handler %T, want no limit and no warnings", got.QPS, got.WarningHandler)
	}
	if names := namespaces(t.Context(), f); !slices.Equal(names, []string{"default"}) {
		t.Errorf("namespaces = %v, want default", names)
	}
}
