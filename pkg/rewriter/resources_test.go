package rewriter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	discoveryv2 "k8s.io/api/apidiscovery/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// apis are the resources of an API server in the order of preference, by group version.
// A version without resources does not respond.
type apis []*metav1.APIResourceList

func testAPIs() apis {
	resource := func(name string, namespaced bool, verbs ...string) metav1.APIResource {
		return metav1.APIResource{Name: name, Namespaced: namespaced, Kind: "Any", Verbs: verbs}
	}
	stored := func(name string) metav1.APIResource { return resource(name, true, "get", "list", "patch") }
	version := func(gv string, resources ...metav1.APIResource) *metav1.APIResourceList {
		return &metav1.APIResourceList{GroupVersion: gv, APIResources: resources}
	}
	return apis{
		version("v1", stored("secrets"), resource("bindings", true, "create"), stored("events"),
			resource("namespaces", false, "get", "list", "patch"), resource("namespaces/status", false, "get", "patch")),
		version("example.com/v2", stored("widgets")),
		version("example.com/v1", stored("widgets"), resource("relics", false, "get", "list", "patch")),
		version("metrics.k8s.io/v1", stored("pods")),
		version("offline.example.com/v1"),
		version("silent.example.com/v1"),
		version("mixed.example.com/v2", stored("things")),
		version("mixed.example.com/v1", stored("things")),
		version("coordination.k8s.io/v1", stored("leases")),
	}
}

// extensionAPIs is the list of APIServices. Those of metrics.k8s.io, of mixed.example.com/v2 and
// of offline.example.com are served by extension API servers.
const extensionAPIs = `{"kind":"APIServiceList","apiVersion":"apiregistration.k8s.io/v1","items":[
	{"spec":{"group":"metrics.k8s.io","version":"v1","service":{"name":"metrics"}}},
	{"spec":{"group":"mixed.example.com","version":"v2","service":{"name":"mixed"}}},
	{"spec":{"group":"offline.example.com","version":"v1","service":{"name":"offline"}}},
	{"spec":{"group":"example.com","version":"v2","service":null}},
	{"spec":{"group":"","version":"v1"}}]}`

// serveAggregated responds to /api and /apis with aggregated discovery in the media type.
func (a apis) serveAggregated(mediaType string) intercept {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if serveExtensionAPIs(w, r) {
			return true
		}
		list := discoveryv2.APIGroupDiscoveryList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupDiscoveryList"}}
		for _, v := range a {
			gv, _ := schema.ParseGroupVersion(v.GroupVersion)
			if (r.URL.Path == "/api") != (gv.Group == "") {
				continue
			}
			version := discoveryv2.APIVersionDiscovery{Version: gv.Version, Freshness: discoveryv2.DiscoveryFreshnessCurrent}
			if len(v.APIResources) == 0 {
				version.Freshness = discoveryv2.DiscoveryFreshnessStale
			}
			for _, api := range v.APIResources {
				scope := discoveryv2.ScopeCluster
				if api.Namespaced {
					scope = discoveryv2.ScopeNamespace
				}
				version.Resources = append(version.Resources, discoveryv2.APIResourceDiscovery{
					Resource: api.Name, Scope: scope, Verbs: api.Verbs, ResponseKind: &metav1.GroupVersionKind{Kind: api.Kind},
				})
			}
			if n := len(list.Items); n == 0 || list.Items[n-1].Name != gv.Group {
				list.Items = append(list.Items, discoveryv2.APIGroupDiscovery{ObjectMeta: metav1.ObjectMeta{Name: gv.Group}})
			}
			group := &list.Items[len(list.Items)-1]
			group.Versions = append(group.Versions, version)
		}
		respondJSON(w, http.StatusOK, mediaType, &list)
		return true
	}
}

// serveUnaggregated responds with one document for each group version, as API servers
// without aggregated discovery do.
func (a apis) serveUnaggregated() intercept {
	return func(_ int, w http.ResponseWriter, r *http.Request) bool {
		groups := metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
		for _, v := range a {
			gv, _ := schema.ParseGroupVersion(v.GroupVersion)
			path := "/api/" + v.GroupVersion
			if version := (metav1.GroupVersionForDiscovery{GroupVersion: gv.String(), Version: gv.Version}); gv.Group != "" {
				path = "/apis/" + v.GroupVersion
				if n := len(groups.Groups); n == 0 || groups.Groups[n-1].Name != gv.Group {
					groups.Groups = append(groups.Groups, metav1.APIGroup{Name: gv.Group, PreferredVersion: version})
				}
				group := &groups.Groups[len(groups.Groups)-1]
				group.Versions = append(group.Versions, version)
			}
			switch {
			case r.URL.Path != path:
			case len(v.APIResources) == 0:
				http.Error(w, "service unavailable", http.StatusServiceUnavailable)
				return true
			default:
				list := *v
				list.TypeMeta = metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}
				respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &list)
				return true
			}
		}
		switch r.URL.Path {
		case "/api":
			respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &metav1.APIVersions{Versions: []string{"v1"}})
		case "/apis":
			respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &groups)
		default:
			return serveExtensionAPIs(w, r)
		}
		return true
	}
}

func serveExtensionAPIs(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/apis/apiregistration.k8s.io/v1/apiservices" {
		return false
	}
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	_, _ = w.Write([]byte(extensionAPIs))
	return true
}

// respondJSON responds in the media type, which may have parameters.
func respondJSON(w http.ResponseWriter, code int, mediaType string, object any) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

func describeResources(found []Resource) string {
	var lines []string
	for _, r := range found {
		lines = append(lines, fmt.Sprintf("%s/%s %s %v", r.Group, r.Version, r.Resource, r.Namespaced))
	}
	return strings.Join(lines, "; ")
}

// Discover finds the same resources with and without aggregated discovery. It reports the groups that
// do not respond, unless an extension API server serves them.
func TestDiscover(t *testing.T) {
	tests := []struct {
		named []string
		want  string
		err   string
	}{
		{nil, "/v1 secrets true; /v1 namespaces false; example.com/v1 relics false; example.com/v2 widgets true; " +
			"mixed.example.com/v1 things true", ""},
		{[]string{"leases.coordination.k8s.io", "events"}, "/v1 events true; coordination.k8s.io/v1 leases true", ""},
		{[]string{"widgets.example.com"}, "example.com/v2 widgets true", ""},
		{[]string{"pods.metrics.k8s.io"}, "", "no stored resource"},
		{[]string{"bindings"}, "", "no stored resource"},
		{[]string{"typos"}, "", "kubectl api-resources"},
	}
	for form, respond := range map[string]intercept{
		"aggregated": testAPIs().serveAggregated(discovery.AcceptV2), "unaggregated": testAPIs().serveUnaggregated(),
	} {
		for _, test := range tests {
			f := newFake(t)
			f.intercept = respond
			d, err := Discover(t.Context(), f.restConfig(), test.named)
			if got := describeResources(d.Resources); got != test.want || !matches(err, test.err) {
				t.Errorf("%s, %v: Discover = %s, %v; want %s, %q", form, test.named, got, err, test.want, test.err)
			}
			want := []string{"omitted because these API groups did not respond: silent.example.com/v1"}
			if err == nil && (!slices.Equal(d.Notes, want) || !d.Partial) {
				t.Errorf("%s, %v: notes = %q, want %q", form, test.named, d.Notes, want)
			}
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

// A response that is not a discovery document is an error. It does not mean that the cluster
// has no resources.
func TestDiscoverErrors(t *testing.T) {
	withoutCore := testAPIs()
	withoutCore[0].APIResources = nil
	for name, test := range map[string]struct {
		respond intercept
		want    string
	}{
		"aggregated discovery with the media type of another document": {
			testAPIs().serveAggregated(runtime.ContentTypeJSON), "did not return its API groups",
		},
		"core only":       {testAPIs()[:1].serveAggregated(discovery.AcceptV2), "did not return its API groups"},
		"v1 is not ready": {withoutCore.serveUnaggregated(), "discover the resources"},
		"HTML": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>"))
			return true
		}, "discover the resources"},
		"forbidden": {deny("/api", apierrors.NewForbidden(schema.GroupResource{}, "", nil)), "not allowed to get /api"},
	} {
		f := newFake(t)
		f.intercept = test.respond
		if found, err := Discover(t.Context(), f.restConfig(), nil); !matches(err, test.want) {
			t.Errorf("%s: Discover = %v, %v, want an error with %q", name, found, err, test.want)
		}
	}
}

// Without the list of APIServices, a note reports that aggregated APIs are not known.
func TestDiscoverWithoutAPIServices(t *testing.T) {
	resource := schema.GroupResource{Group: "apiregistration.k8s.io", Resource: "apiservices"}
	denied := deny("/apiservices", apierrors.NewForbidden(resource, "", nil))
	serve := testAPIs().serveAggregated(discovery.AcceptV2)
	f := newFake(t)
	f.intercept = func(n int, w http.ResponseWriter, r *http.Request) bool { return denied(n, w, r) || serve(n, w, r) }
	d, err := Discover(t.Context(), f.restConfig(), []string{"pods"})
	if err != nil || len(d.Resources) != 1 || !d.Partial {
		t.Errorf("Discover = %v, %v, want pods, and that it is partial", d, err)
	}
	if text := strings.Join(d.Notes, "\n"); !strings.Contains(text, "apiservices.apiregistration.k8s.io") {
		t.Errorf("notes = %s, want one that names the forbidden resource", text)
	}
}
