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
	resource := func(name, scope, verbs string) string {
		list := strings.ReplaceAll(verbs, " ", `","`)
		return fmt.Sprintf(`{"resource":%q,"scope":%q,"verbs":["%s"]}`, name, scope, list)
	}
	namespaced := func(name string) string { return resource(name, "Namespaced", "get list patch") }
	version := func(name, freshness string, resources ...string) string {
		list := strings.Join(resources, ",")
		return fmt.Sprintf(`{"version":%q,"freshness":%q,"resources":[%s]}`, name, freshness, list)
	}
	group := func(name string, versions ...string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q},"versions":[%s]}`, name, strings.Join(versions, ","))
	}
	list := func(groups ...string) string {
		return `{"kind":"APIGroupDiscoveryList","items":[` + strings.Join(groups, ",") + `]}`
	}
	responses := map[string]string{
		"/api": list(group("", version("v1", "Current", namespaced("secrets"),
			resource("bindings", "Namespaced", "create"), namespaced("events"),
				resource("namespaces", "Cluster", "get list patch")))),
		"/apis": list(
			group("example.com", version("v2", "Current", namespaced("widgets")),
				version("v1", "Current", namespaced("widgets"), resource("relics", "Cluster", "get list patch"))),
			group("metrics.k8s.io", version("v1", "Current", namespaced("pods"))),
			group("silent.example.com", version("v1", "Stale")),
			group("coordination.k8s.io", version("v1", "Current", namespaced("leases")))),
		"/apis/apiregistration.k8s.io/v1/apiservices": `{"items":[
			{"spec":{"group":"metrics.k8s.io","version":"v1","service":{"name":"metrics"}}},
			{"spec":{"group":"example.com","version":"v2","service":null}}]}`,
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
