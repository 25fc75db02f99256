package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// startProxy starts a proxy in front of the API server and returns a kubeconfig for
// it. wrap wraps the handler that forwards requests; response, if not nil, is called
// with each response.
func startProxy(
	t *testing.T, l *labtest.Lab, wrap func(http.Handler) http.Handler, response func(*http.Response) error,
) string {
	t.Helper()
	raw, err := clientcmd.LoadFromFile(l.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	cluster := raw.Clusters[raw.Contexts[raw.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(&rest.Config{Host: cluster.Server, TLSClientConfig: rest.TLSClientConfig{
		CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority,
	}})
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Header.Del("Accept-Encoding") // keep bodies readable for the tests
		},
		ModifyResponse: response,
	}
	front := httptest.NewTLSServer(wrap(proxy))
	t.Cleanup(front.Close)
	cluster.Server, cluster.InsecureSkipTLSVerify = front.URL, true
	cluster.CertificateAuthorityData, cluster.CertificateAuthority = nil, ""
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*raw, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// proxyFlags returns the flags for a kubeconfig with the endpoint of a proxy. They
// name the cluster, because the plugin cannot find it by that endpoint.
func proxyFlags(kubeconfig string) []string {
	return []string{"--kubeconfig", kubeconfig, "--cluster-name", "lab", "--region", "us-west-2"}
}
