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

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// startProxy starts a proxy in front of the API server and returns a kubeconfig for
// it. The proxy has a certificate of the lab's CA, so that the guard matches. wrap wraps the
// handler that forwards requests; response, if not nil, is called with each response.
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
	front := httptest.NewUnstartedServer(wrap(proxy))
	if front.TLS, err = pki.Folder(state.Dir(l.Dir).PKI()).TLS(pki.Webhook); err != nil {
		t.Fatal(err)
	}
	front.StartTLS()
	t.Cleanup(front.Close)
	cluster.Server = front.URL
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*raw, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// proxyFlags returns the flags for a kubeconfig with the endpoint of a proxy.
func proxyFlags(kubeconfig string) []string { return []string{"--kubeconfig", kubeconfig} }
