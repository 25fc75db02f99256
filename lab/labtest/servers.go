package labtest

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// Server is the part of the output of `eks-lab servers` that tests use.
type Server struct {
	Number, PID      int
	URL, Host, Lease string
	Writes           string // the provider that it writes with: aws-owned or customer
}

// StartServers starts a lab with n API servers behind a balancer. They load a new
// encryption configuration while they run, because replacing them takes long.
func StartServers(t *testing.T, n int, balance string, args ...string) *Lab {
	t.Helper()
	return Start(t, append([]string{
		"--api-servers", fmt.Sprint(n), "--balance", balance, "--hot-reload", "--association-time", "1s",
	}, args...)...)
}

// Servers returns the API servers.
func (l *Lab) Servers(t *testing.T) []Server {
	t.Helper()
	var s []Server
	if err := json.Unmarshal([]byte(l.Lab(t, "servers", "-o", "json").Must(t)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Lag makes API server n keep the old write key. It can read with the new key if
// readable is true. ClearFaults ends it.
func (l *Lab) Lag(t *testing.T, n int, readable bool) {
	t.Helper()
	l.Lab(t, "fault", "add", "lag", "--server", fmt.Sprint(n), fmt.Sprintf("--readable=%t", readable)).Must(t)
}

// ClearFaults removes all faults.
func (l *Lab) ClearFaults(t *testing.T) {
	t.Helper()
	l.Lab(t, "fault", "clear").Must(t)
}

// IDHash returns the value of the label apiserver_id_hash in the server's metrics.
func (s Server) IDHash() string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s.Lease))) }

// Endpoint returns the URL in the kubeconfig, which is that of the balancer if there is one.
func (l *Lab) Endpoint(t *testing.T) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(l.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	return config.Clusters[config.Contexts[config.CurrentContext].Cluster].Server
}

// Certificate returns the certificate that the server at url presents to a new connection.
func Certificate(t *testing.T, url string) []byte {
	t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // the certificate is what the test compares
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw
}
