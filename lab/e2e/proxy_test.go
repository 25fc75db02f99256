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

// between puts a proxy between the plugin and the API server, and returns a
// kubeconfig that leads through it. wrap stands around the way to the API server;
// response, if not nil, sees what comes back.
func between(t *testing.T, l *labtest.Lab, wrap func(http.Handler) http.Handler, response func(*http.Response) error) string {
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
	transport, err := rest.TransportFor(&rest.Config{Host: cluster.Server, TLSClientConfig: rest.TLSClientConfig{CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority}})
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Header.Del("Accept-Encoding") // so that what passes can be read
		},
		ModifyResponse: response,
	}
	front := httptest.NewTLSServer(wrap(proxy))
	t.Cleanup(front.Close)
	cluster.Server, cluster.InsecureSkipTLSVerify, cluster.CertificateAuthorityData, cluster.CertificateAuthority = front.URL, true, nil, ""
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*raw, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// byName are the flags for a kubeconfig whose endpoint is a proxy's: the cluster is
// named on purpose.
func byName(kubeconfig string) []string {
	return []string{"--kubeconfig", kubeconfig, "--cluster-name", "lab", "--region", "us-west-2"}
}
