package cmd_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// discovery holds the documents of an API server with subresources, an aggregated API and short-lived resources.
func discovery() map[string]string {
	return map[string]string{
		"/api": `{"kind":"APIVersions","versions":["v1"]}`,
		"/apis": `{"kind":"APIGroupList","apiVersion":"v1","groups":[
			{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}]},
			{"name":"metrics.k8s.io","versions":[{"groupVersion":"metrics.k8s.io/v1","version":"v1"}]}]}`,
		"/api/v1": `{"kind":"APIResourceList","groupVersion":"v1","resources":[
			{"name":"secrets","namespaced":true,"kind":"Secret","verbs":["list","patch"]},
			{"name":"pods","namespaced":true,"kind":"Pod","verbs":["list","patch"]},
			{"name":"pods/ephemeralcontainers","namespaced":true,"kind":"Pod","verbs":["get","patch"]},
			{"name":"events","namespaced":true,"kind":"Event","verbs":["list","patch"]},
			{"name":"bindings","namespaced":true,"kind":"Binding","verbs":["create"]}]}`,
		"/apis/apps/v1": `{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[
			{"name":"deployments","namespaced":true,"kind":"Deployment","verbs":["list","patch"]},
			{"name":"deployments/scale","namespaced":true,"kind":"Scale","verbs":["list","patch"]}]}`,
		"/apis/metrics.k8s.io/v1": `{"kind":"APIResourceList","groupVersion":"metrics.k8s.io/v1","resources":[
			{"name":"nodes","kind":"NodeMetrics","verbs":["list","patch"]}]}`,
		"/apis/apiregistration.k8s.io/v1/apiservices": `{"kind":"APIServiceList","apiVersion":"apiregistration.k8s.io/v1",
			"metadata":{},"items":[{"metadata":{"name":"v1.metrics.k8s.io"},
			"spec":{"group":"metrics.k8s.io","version":"v1","service":{"name":"m"}}}]}`,
	}
}

// TestRBACOfCluster checks that --all-resources lists what the API server stores, and nothing more.
func TestRBACOfCluster(t *testing.T) {
	t.Parallel()
	documents := discovery()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := documents[r.URL.Path]
		w.Header().Set("Content-Type", "application/json")
		if !found {
			w.WriteHeader(http.StatusNotFound)
			body = `{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}`
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(api.Close)
	w := newPluginTest(t, time.Millisecond)
	for _, pair := range w.env {
		if path, found := strings.CutPrefix(pair, "KUBECONFIG="); found {
			config, err := clientcmd.LoadFromFile(path)
			awstest.Must(t, err)
			config.Clusters["api"] = &clientcmdapi.Cluster{Server: api.URL}
			config.Contexts["api"] = &clientcmdapi.Context{Cluster: "api"}
			awstest.Must(t, clientcmd.WriteToFile(*config, path))
		}
	}
	stdout, stderr, code := w.run(t, "generate", "rbac", "--group", "g", "--all-resources", "--context", "api")
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "# Only the resources that the cluster stores now") {
		t.Fatalf("code %d, stderr %q, stdout:\n%s", code, stderr, stdout)
	}
	var role rbacv1.ClusterRole
	awstest.Must(t, yaml.Unmarshal([]byte(strings.Split(stdout, "---\n")[0]), &role))
	var allowed []string
	for _, rule := range role.Rules {
		if strings.Join(rule.Verbs, ",") == "list,patch" {
			for _, resource := range rule.Resources {
				allowed = append(allowed, strings.TrimPrefix(rule.APIGroups[0]+"/"+resource, "/"))
			}
		}
	}
	if got := strings.Join(allowed, " "); got != "pods secrets apps/deployments" {
		t.Errorf("the role may patch %q, want pods, secrets and deployments", got)
	}
}
