package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// withoutAggregatedDiscovery starts a proxy that requests plain JSON from /api and /apis, so
// that the API server responds like one below Kubernetes 1.27. It returns a kubeconfig for
// the proxy and the number of requests for one group version.
func withoutAggregatedDiscovery(t *testing.T, l *labtest.Lab) (kubeconfig string, groupVersions *atomic.Int64) {
	t.Helper()
	groupVersions = new(atomic.Int64)
	kubeconfig = startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
			switch {
			case len(path) == 1 && (path[0] == "api" || path[0] == "apis"):
				r.Header.Set("Accept", "application/json")
			case len(path) == 2 && path[0] == "api", len(path) == 3 && path[0] == "apis":
				groupVersions.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}, func(r *http.Response) error {
		if strings.Contains(r.Header.Get("Content-Type"), "APIGroupDiscoveryList") {
			t.Errorf("%s: the API server sent aggregated discovery", r.Request.URL.Path)
		}
		return nil
	})
	return kubeconfig, groupVersions
}

// A rewrite with --all-resources finds the same resources with and without aggregated
// discovery, among them a custom resource that is served in two versions.
func TestDiscoveryWithoutAggregation(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.As(t, "admin")
	version := func(name, storage string) string {
		return `{"name":"` + name + `","served":true,"storage":` + storage + `,"schema":{
			"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}`
	}
	kubectl(t, l, "apply", `{
		"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
		"metadata":{"name":"gadgets.example.com"},
		"spec":{"group":"example.com","scope":"Cluster","names":{"plural":"gadgets","kind":"Gadget"},
			"versions":[`+version("v1", "false")+`,`+version("v2", "true")+`]}}`)
	l.Run(t, "kubectl", "wait", "--for=condition=Established", "crd/gadgets.example.com", "--timeout=60s").Must(t)
	kubectl(t, l, "apply", `{"apiVersion":"example.com/v1","kind":"Gadget","metadata":{"name":"g"}}`)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	kubeconfig, groupVersions := withoutAggregatedDiscovery(t, l)
	names := func(args ...string) (found []string) {
		c, out := l.Coverage(t, append([]string{"rewrite", "--all-resources"}, args...)...)
		if out.Code == 2 || strings.Contains(strings.Join(c.Notes, " "), "omitted because these API groups") {
			t.Errorf("%v: exit code = %d, notes = %q\n%s", args, out.Code, c.Notes, out.Stderr)
		}
		for _, r := range c.Resources {
			found = append(found, strings.TrimSuffix(r.Resource+"."+r.Group, "."))
			if r.Resource == "gadgets" && r.Total != 1 {
				t.Errorf("%v: total of gadgets = %d, want 1", args, r.Total)
			}
		}
		slices.Sort(found)
		return found
	}
	direct := names()
	if n := groupVersions.Load(); n != 0 {
		t.Fatalf("the proxy received %d requests of the direct run", n)
	}
	for _, name := range []string{"secrets", "configmaps", "deployments.apps", "gadgets.example.com"} {
		if !slices.Contains(direct, name) {
			t.Errorf("resources = %v, want also %s", direct, name)
		}
	}
	if found := names(proxyFlags(kubeconfig)...); !slices.Equal(found, direct) {
		t.Errorf("resources without aggregated discovery = %v\nwant %v", found, direct)
	}
	if n := groupVersions.Load(); n < 10 {
		t.Errorf("%d requests for a group version, want one for each", n)
	}
}
