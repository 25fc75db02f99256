package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// While the key is disabled, the API server is not ready and names the reason, but it
// still reads and writes.
func TestDisabledKey(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "associate").Must(t)
	ready := func() labtest.Output { return l.Run(t, "kubectl", "get", "--raw", "/readyz/kms-providers") }
	ready().Must(t)
	l.Lab(t, "fault", "add", "disabled-key").Must(t)
	var last labtest.Output
	waitFor(t, 2*time.Minute, "the API server does not notice the disabled key", func() bool {
		last = ready()
		return last.Code != 0
	})
	if !strings.Contains(last.Stderr, "healthz status: err") {
		t.Errorf("stderr = %s, want the status of the KMS plugin", last.Stderr)
	}
	l.Run(t, "kubectl", "get", "--raw", "/livez").Must(t)
	l.Run(t, "kubectl", "create", "secret", "generic", "later", "--from-literal=a=b").Must(t)
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != 1 {
		t.Errorf("secrets in etcd = %v, want one encrypted with the customer key", by)
	}
	l.ClearFaults(t)
	waitFor(t, 2*time.Minute, "the API server does not notice the enabled key", func() bool {
		return ready().Code == 0
	})
}

// The switches of the control plane: an opaque id of the key, GOAWAY, and etcd's quota.
func TestControlPlaneSwitches(t *testing.T) {
	l := labtest.Start(t, "--opaque-key-id", "--goaway-chance", "0.02", "--etcd-quota", "16MiB",
		"--association-time", "1s")
	l.Lab(t, "associate").Must(t)
	l.Run(t, "kubectl", "create", "secret", "generic", "one", "--from-literal=a=b").Must(t)
	for _, c := range l.Scan(t).Counts {
		if c.Provider == "customer" && (strings.HasPrefix(c.KeyID, "arn:") || c.KeyID == "") {
			t.Errorf("id of the key of %s = %q, want an opaque one", c.Resource, c.KeyID)
		}
	}
	metrics := l.Run(t, "kubectl", "get", "--raw", "/metrics").Must(t)
	if hash := fmt.Sprintf("%x", sha256.Sum256([]byte(labKey(l)))); strings.Contains(metrics, hash) {
		t.Errorf("the metrics contain the hash %s of the key's ARN", hash)
	}

	connections := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if !info.Reused {
				connections++
			}
		},
	})
	requests := client(t, l).Discovery().RESTClient()
	for range 600 { // without GOAWAY in one of a million runs
		if _, err := requests.Get().AbsPath("/version").DoRaw(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if connections < 2 {
		t.Errorf("600 requests used %d connection, want more because of GOAWAY", connections)
	}

	full := l.Lab(t, "seed", "--secrets", "300", "--size", "100000").Exits(t, 1)
	if !strings.Contains(full.Stderr, "database space exceeded") {
		t.Errorf("stderr = %s, want etcd's message", full.Stderr)
	}
}
