package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// forward accepts connections on another port and forwards them to the address.
func forward(t *testing.T, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			down, err := listener.Accept()
			if err != nil {
				return
			}
			go pipe(down, address)
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// pipe connects down with the address until one of them closes.
func pipe(down net.Conn, address string) {
	defer down.Close()
	up, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
	_, _ = io.Copy(down, up)
}

// connectProxy starts a proxy that connects every name to the address, and counts.
func connectProxy(t *testing.T, address string) (proxyURL string, connections *atomic.Int64) {
	t.Helper()
	connections = &atomic.Int64{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		connections.Add(1)
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		pipe(down, address)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL, connections
}

// edited returns the path of a copy of the lab's kubeconfig with a changed cluster entry.
func edited(t *testing.T, l *labtest.Lab, edit func(*clientcmdapi.Cluster)) string {
	t.Helper()
	raw, err := clientcmd.LoadFromFile(l.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	edit(raw.Clusters[raw.Contexts[raw.CurrentContext].Cluster])
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*raw, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// guarded is the part of a report that these tests check.
type guarded struct {
	Verdict    string
	Encryption struct{ Verdict string }
	Guard      struct{ Result, Evidence, Reason string }
	Caller     struct{ ARN, Account, Source string }
	Tool       struct{ Version string }
}

func runGuarded(t *testing.T, l *labtest.Lab, args ...string) (guarded, labtest.Output) {
	t.Helper()
	out := l.Plugin(t, append(args, "-o", "json")...)
	var r guarded
	if out.Stdout != "" {
		if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, out.Stdout, out.Stderr)
		}
	}
	return r, out
}

// The guard is decided by the certificate of the address that kubectl connects to, whatever its name and port are.
func TestGuard(t *testing.T) {
	l := labtest.Start(t)
	l.Lab(t, "seed", "--secrets", "20", "--namespaces", "1").Must(t)
	var server *url.URL
	edited(t, l, func(c *clientcmdapi.Cluster) { server, _ = url.Parse(c.Server) })
	port := forward(t, server.Host)
	proxy, connections := connectProxy(t, server.Host)
	stranger := strangeServer(t)
	for _, test := range []struct {
		name string
		edit func(*clientcmdapi.Cluster)
		args []string

		result, evidence string
	}{
		{name: "the endpoint", result: "Match", evidence: "Certificate"},
		{name: "a local forward of another port", result: "Match", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) { c.Server = "https://127.0.0.1:" + port }},
		{name: "another name of the address", result: "Match", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) { c.Server = "https://localhost:" + port }},
		{name: "tls-server-name", result: "Match", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) {
				c.Server, c.TLSServerName = "https://localhost:"+port, "kubernetes.default"
			}},
		{name: "--server and --tls-server-name", result: "Match", evidence: "Certificate",
			args: []string{"--server", "https://localhost:" + port, "--tls-server-name", "kubernetes.default"}},
		{name: "proxy-url", result: "Match", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) {
				c.Server, c.ProxyURL = "https://kubernetes.default.svc.cluster.local", proxy
			}},
		{name: "--proxy-url", result: "Match", evidence: "Certificate",
			args: []string{"--server", "https://kubernetes.default.svc", "--proxy-url", proxy}},
		{name: "without verification", result: "Unverified", evidence: "None",
			edit: func(c *clientcmdapi.Cluster) {
				c.InsecureSkipTLSVerify, c.CertificateAuthorityData = true, nil
			}},
		{name: "another CA", result: "Mismatch", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) { c.Server, c.CertificateAuthorityData = stranger.url, stranger.ca }},
		{name: "another CA by flags", result: "Mismatch", evidence: "Certificate",
			args: []string{"--server", stranger.url, "--certificate-authority", stranger.caFile}},
		{name: "another CA without verification", result: "Mismatch", evidence: "Certificate",
			edit: func(c *clientcmdapi.Cluster) {
				c.Server, c.InsecureSkipTLSVerify, c.CertificateAuthorityData = stranger.url, true, nil
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.edit == nil {
				test.edit = func(*clientcmdapi.Cluster) {}
			}
			r, out := runGuarded(t, l, append([]string{"status", "--kubeconfig", edited(t, l, test.edit)}, test.args...)...)
			want, code := "AWSOwnedKey", 0
			if test.result == "Mismatch" {
				want, code = "Unknown", 3
			}
			out.Exits(t, code)
			if r.Guard.Result != test.result || r.Guard.Evidence != test.evidence || r.Encryption.Verdict != want {
				t.Errorf("guard = %+v, verdict %s, want %s by %s, verdict %s", r.Guard, r.Encryption.Verdict, test.result,
					test.evidence, want)
			}
			if r.Tool.Version == "" || r.Caller.ARN == "" || r.Caller.Account == "" || r.Caller.Source == "" {
				t.Errorf("tool = %+v, caller = %+v, want both", r.Tool, r.Caller)
			}
		})
	}
	if connections.Load() < 2 {
		t.Errorf("connections through the proxy = %d, want one for each status", connections.Load())
	}
	if n := stranger.requests.Load(); n != 0 {
		t.Errorf("requests to the other server = %d, want 0", n)
	}
}

// count counts a request, unless it is the anonymous one for the health of the KMS plugin.
func count(requests *atomic.Int64, r *http.Request) {
	if r.Header.Get("Authorization") != "" || !strings.HasPrefix(r.URL.Path, "/readyz") {
		requests.Add(1)
	}
}

// A status sends no request with credentials to the API server. Without evidence nothing is changed or proven.
func TestGuardOfChanges(t *testing.T) {
	l := labtest.Start(t)
	l.Lab(t, "seed", "--secrets", "20", "--namespaces", "1").Must(t)
	l.Lab(t, "fleet").Must(t)
	record := func() labtest.Output {
		return l.Run(t, "kubectl", "-n", "kube-system", "get", "configmap", "eks-encrypt")
	}
	before := l.Scan(t)

	var requests atomic.Int64
	counted := startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count(&requests, r)
			next.ServeHTTP(w, r)
		})
	}, nil)
	r, out := runGuarded(t, l, append([]string{"status"}, proxyFlags(counted)...)...)
	out.Exits(t, 0)
	if r.Guard.Evidence != "Certificate" || requests.Load() != 0 {
		t.Errorf("guard = %+v after %d requests, want one by certificate after none", r.Guard, requests.Load())
	}

	// The name of another cluster does not vouch for the context.
	for _, args := range [][]string{
		{"rewrite", "--cluster-name", "payments-prod", "--region", "eu-central-1"},
		{"rewrite", "--cluster-name", "payments-prod", "--region", "eu-central-1", "--trust-endpoint"},
	} {
		out := l.Plugin(t, append(args, proxyFlags(counted)...)...).Exits(t, 1)
		if !strings.Contains(out.Stderr, "does not connect to") {
			t.Errorf("%v: stderr = %q, want a mismatch", args, out.Stderr)
		}
	}
	if requests.Load() != 0 {
		t.Errorf("requests = %d, want 0", requests.Load())
	}
	record().Exits(t, 1)

	// Without verification nothing is changed, unless the user accepts it, and nothing is proven.
	insecure := edited(t, l, func(c *clientcmdapi.Cluster) {
		c.InsecureSkipTLSVerify, c.CertificateAuthorityData = true, nil
	})
	flags := []string{"--kubeconfig", insecure}
	evidence := filepath.Join(t.TempDir(), "evidence.json")
	l.Plugin(t, append([]string{"rewrite"}, flags...)...).Exits(t, 1)
	l.Plugin(t, append([]string{"verify", "--probe"}, flags...)...).Exits(t, 3)
	l.Plugin(t, append([]string{"rewrite", "--trust-endpoint", "--evidence", evidence}, flags...)...).Exits(t, 2)
	for _, args := range [][]string{{"rewrite", "--trust-endpoint"}, {"verify", "--probe", "--trust-endpoint"}} {
		c, out := runGuarded(t, l, append(args, flags...)...)
		if c.Verdict != "NotProven" || out.Code != 3 || c.Guard.Result != "Unverified" {
			t.Errorf("%v: exit code = %d, verdict = %s, guard = %+v, want 3, NotProven and Unverified", args, out.Code,
				c.Verdict, c.Guard)
		}
	}
	record().Exits(t, 1)
	if _, err := os.Stat(evidence); err == nil {
		t.Error("an evidence file was written")
	}
	if after := l.Scan(t); after.Revision < before.Revision {
		t.Errorf("revision = %d after %d", after.Revision, before.Revision)
	}
}

// strange is the API server of another cluster.
type strange struct {
	url, caFile string
	ca          []byte
	requests    *atomic.Int64
}

func strangeServer(t *testing.T) strange {
	t.Helper()
	folder := pki.Folder(t.TempDir())
	if err := folder.Fill(time.Now()); err != nil {
		t.Fatal(err)
	}
	s := strange{caFile: folder.Cert(pki.CA), requests: &atomic.Int64{}}
	handler := func(_ http.ResponseWriter, r *http.Request) { count(s.requests, r) }
	server := httptest.NewUnstartedServer(http.HandlerFunc(handler))
	var err error
	if server.TLS, err = folder.TLS(pki.Webhook); err != nil {
		t.Fatal(err)
	}
	if s.ca, err = os.ReadFile(s.caFile); err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}
