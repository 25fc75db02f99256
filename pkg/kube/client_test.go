package kube

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

func TestGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/prefix/denied":
			http.Error(w, "no", http.StatusForbidden)
		case r.Header.Get("Accept") != JSON || r.Header.Get("User-Agent") != "test" ||
			r.URL.Query().Get("limit") != "5":
			http.Error(w, r.URL.String(), http.StatusBadRequest)
		default:
			_, _ = w.Write([]byte(`{"path":"` + r.URL.Path + `"}`))
		}
	}))
	defer server.Close()
	c, err := New(&rest.Config{Host: server.URL + "/prefix/", UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.Get(t.Context(), "/api", url.Values{"limit": {"5"}})
	if want := `{"path":"/prefix/api"}`; err != nil || string(raw) != want {
		t.Errorf("Get = %s, %v, want %s", raw, err, want)
	}
	if _, err := c.Get(t.Context(), "/denied", nil); !apierrors.IsForbidden(err) {
		t.Errorf("Get of a denied path = %v, want Forbidden", err)
	}
}

func TestNewRejectsInvalidConfigs(t *testing.T) {
	for _, config := range []*rest.Config{
		{Host: "http://a b"},
		{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CAFile: "/does/not/exist"}},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("New(%+v) = nil error, want an error", config)
		}
	}
}
