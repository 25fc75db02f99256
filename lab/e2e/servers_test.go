package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// createVia creates a secret through one API server.
func createVia(t *testing.T, l *labtest.Lab, s labtest.Server, name string) {
	t.Helper()
	l.Run(t, "kubectl", "--server", s.URL, "create", "secret", "generic", name, "--from-literal=a=b").Must(t)
}

// writes returns the providers that the servers write with.
func writes(servers []labtest.Server) string {
	var providers []string
	for _, s := range servers {
		providers = append(providers, s.Writes)
	}
	return strings.Join(providers, " ")
}

// Each API server has a process, an identity Lease and a certificate of its own, and the
// balancer spreads the connections.
func TestServers(t *testing.T) {
	l := labtest.StartServers(t, 2, "round-robin")
	servers := l.Servers(t)
	if len(servers) != 2 || servers[0].PID == servers[1].PID || servers[0].Lease == servers[1].Lease {
		t.Fatalf("servers = %+v, want two with different processes and Leases", servers)
	}
	const selector = "apiserver.kubernetes.io/identity=kube-apiserver"
	// The Lease of the storage migrator is not that of an API server.
	l.Run(t, "kubectl", "-n", "kube-system", "get", "lease", "kms-storage-migrator-lease").Must(t)
	leases := l.Run(t, "kubectl", "-n", "kube-system", "get", "leases", "-l", selector, "-o", "name").Must(t)
	reached := map[string]bool{}
	for range 4 {
		reached[string(labtest.Certificate(t, l.Endpoint(t)))] = true
	}
	if n := len(strings.Fields(leases)); n != 2 {
		t.Errorf("Leases of API servers = %s, want 2", leases)
	}
	certificates := map[string]bool{}
	for _, s := range servers {
		certificate := string(labtest.Certificate(t, s.URL))
		certificates[certificate] = true
		if !strings.Contains(leases, "/"+s.Lease) || !reached[certificate] {
			t.Errorf("server %d: reached through the balancer = %t, Leases = %s, want them to contain %s",
				s.Number, reached[certificate], leases, s.Lease)
		}
		metrics := l.Run(t, "kubectl", "--server", s.URL, "get", "--raw", "/metrics").Must(t)
		if label := fmt.Sprintf("apiserver_id_hash=%q", s.IDHash()); !strings.Contains(metrics, label) {
			t.Errorf("metrics of server %d lack %s", s.Number, label)
		}
	}
	if len(certificates) != 2 || len(reached) != 2 {
		t.Errorf("%d different certificates, %d through the balancer, want 2", len(certificates), len(reached))
	}
}

// A lagging server writes with the old key until the fault is cleared.
func TestLaggingServer(t *testing.T) {
	l := labtest.StartServers(t, 2, "first")
	for i, readable := range []bool{false, true} {
		l.Lag(t, 2, readable)
		if i == 0 {
			l.Lab(t, "associate").Must(t)
		}
		servers := l.Servers(t)
		if got := writes(servers); got != "customer aws-owned" {
			t.Fatalf("providers that write = %s, want customer aws-owned", got)
		}
		for _, s := range servers {
			createVia(t, l, s, fmt.Sprintf("by-%d-%t", s.Number, readable))
		}
		get := l.Run(t, "kubectl", "--server", servers[1].URL, "get", "secret", fmt.Sprintf("by-1-%t", readable))
		if (get.Code == 0) != readable {
			t.Errorf("exit code of a read of the new key with readable=%t = %d\n%s", readable, get.Code, get.Stderr)
		}
	}
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != 2 || by["aws-owned"] != 2 {
		t.Errorf("secrets in etcd = %v, want 2 by each provider", by)
	}
	l.ClearFaults(t)
	servers := l.Servers(t)
	if got := writes(servers); got != "customer customer" {
		t.Errorf("providers that write without the fault = %s, want customer customer", got)
	}
	createVia(t, l, servers[1], "by-2-later")
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != 3 {
		t.Errorf("secrets in etcd = %v, want 3 encrypted with the customer key", by)
	}
}

// Without hot reload an association replaces the API servers, also a single one: the
// process, the identity and the address change, and the cluster can be used throughout.
func TestReplacedServers(t *testing.T) {
	l := labtest.Start(t, "--hot-reload=false", "--association-time", "1s")
	before := l.Servers(t)
	l.Lab(t, "associate").Must(t)
	after := l.Servers(t)
	if len(after) != 1 || after[0].PID == before[0].PID || after[0].Lease == before[0].Lease ||
		after[0].URL == before[0].URL || after[0].Writes != "customer" {
		t.Errorf("servers = %+v, want another one than %+v", after, before)
	}
	if got := verdict(t, l); got != "CustomerManagedKey "+labKey(l)+" Match" {
		t.Errorf("status = %q", got)
	}
}
