package rewriter

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

// serveDiscovery responds like an API server with extension API servers.
func serveDiscovery(w http.ResponseWriter, r *http.Request) bool {
	resource := func(name, scope string, verbs ...string) string {
		return fmt.Sprintf(`{"resource":%q,"scope":%q,"verbs":["%s"]}`, name, scope, strings.Join(verbs, `","`))
	}
	all := []string{"get", "list", "patch"}
	responses := map[string]string{
		"/api": `{"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1","freshness":"Current","resources":[` + strings.Join([]string{
			resource("secrets", "Namespaced", all...), resource("bindings", "Namespaced", "create"), resource("events", "Namespaced", all...),
			resource("namespaces", "Cluster", all...),
		}, ",") + `]}]}]}`,
		"/apis": `{"kind":"APIGroupDiscoveryList","items":[
			{"metadata":{"name":"example.com"},"versions":[
				{"version":"v2","freshness":"Current","resources":[` + resource("widgets", "Namespaced", all...) + `]},
				{"version":"v1","freshness":"Current","resources":[` + resource("widgets", "Namespaced", all...) + "," + resource("relics", "Cluster", all...) + `]}]},
			{"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1","freshness":"Current","resources":[` + resource("pods", "Namespaced", all...) + `]}]},
			{"metadata":{"name":"silent.example.com"},"versions":[{"version":"v1","freshness":"Stale","resources":[]}]},
			{"metadata":{"name":"coordination.k8s.io"},"versions":[{"version":"v1","freshness":"Current","resources":[` + resource("leases", "Namespaced", all...) + `]}]}]}`,
		"/apis/apiregistration.k8s.io/v1/apiservices": `{"items":[
			{"spec":{"group":"metrics.k8s.io","version":"v1","service":{"name":"metrics"}}},{"spec":{"group":"example.com","version":"v2","service":null}}]}`,
	}
	text, found := responses[r.URL.Path]
	if found {
		w.Header().Set("Content-Type", kube.JSON)
		_, _ = w.Write([]byte(text))
	}
	return found
}

func TestDiscover(t *testing.T) {
	tests := []struct {
		named []string
		want  string
		err   string
	}{
		{nil, "/v1 secrets true; /v1 namespaces false; example.com/v1 relics false; example.com/v2 widgets true", ""},
		{[]string{"leases.coordination.k8s.io", "events"}, "/v1 events true; coordination.k8s.io/v1 leases true", ""},
		{[]string{"widgets.example.com"}, "example.com/v2 widgets true", ""},
		{[]string{"pods.metrics.k8s.io"}, "", "no stored resource"},
		{[]string{"bindings"}, "", "no stored resource"},
		{[]string{"typos"}, "", "kubectl api-resources"},
	}
	for _, test := range tests {
		f := newFake()
		f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool { return serveDiscovery(w, r) }
		found, notes, err := Discover(t.Context(), f.restConfig(), test.named)
		var got []string
		for _, r := range found {
			got = append(got, fmt.Sprintf("%s/%s %s %v", r.Group, r.Version, r.Resource, r.Namespaced))
		}
		if text := strings.Join(got, "; "); text != test.want || !matches(err, test.err) {
			t.Errorf("%v: Discover = %s, %v; want %s, %q", test.named, text, err, test.want, test.err)
		}
		if err == nil && !strings.Contains(strings.Join(notes, " "), "silent.example.com/v1") {
			t.Errorf("%v: notes = %v, want one about silent.example.com/v1", test.named, notes)
		}
	}
}

// matches reports whether the error or its hint contains the text; "" stands for nil.
func matches(err error, text string) bool {
	if err == nil || text == "" {
		return err == nil && text == ""
	}
	return strings.Contains(err.Error()+" "+hint.Of(err), text)
}

func TestDiscoverWithoutAggregation(t *testing.T) {
	f := newFake()
	f.intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(`{"kind":"APIVersions","versions":["v1"]}`))
		return true
	}
	if _, _, err := Discover(t.Context(), f.restConfig(), nil); !matches(err, "1.27") {
		t.Errorf("Discover = %v, want an error with 1.27", err)
	}
}
