package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// TestEtcdQuota checks that a rewrite does not fill the database, and stops at once if it is full.
func TestEtcdQuota(t *testing.T) {
	const quota = 64 << 20
	l := labtest.Start(t, "--association-time", "1s", "--etcd-quota", "64MiB")
	l.Lab(t, "seed", "--secrets", "2000", "--size", "12000").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	stderr := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := l.Command(t, "kubectl-eks_encrypt", "rewrite", "--etcd-quota", "64Mi")
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	printed := func() string {
		raw, _ := os.ReadFile(stderr)
		return string(raw)
	}
	waitFor(t, 2*time.Minute, "the run neither pauses nor ends", func() bool {
		return len(ended) > 0 || strings.Contains(printed(), "paused until etcd has compacted")
	})
	_ = cmd.Process.Signal(os.Interrupt)
	<-ended
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] == 0 || by["aws-owned"] == 0 {
		t.Errorf("secrets in etcd = %v, want that some were written and some not", by)
	}
	if size := databaseSize(t, l); size > 0.85*quota {
		t.Errorf("size of the database = %v, want less than 85 %% of %d\n%s", size, quota, printed())
	}
	l.Run(t, "kubectl", "create", "configmap", "still-works").Must(t)

	full := l.Lab(t, "seed", "--prefix", "fill", "--secrets", "600", "--size", "100000").Exits(t, 1)
	if !strings.Contains(full.Stderr, "database space exceeded") {
		t.Fatalf("stderr = %s, want etcd's message", full.Stderr)
	}
	var writes atomic.Int64
	config := startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/secrets/") {
				writes.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}, nil)
	args := []string{"rewrite", "--max-concurrency", "512", "--max-bytes", "1Gi"}
	out := l.Plugin(t, append(args, proxyFlags(config)...)...).Exits(t, 1)
	t.Logf("%d writes after the database was full: %s", writes.Load(), out.Stderr)
	if n := writes.Load(); n > 100 || !strings.Contains(out.Stderr, "AWS support") {
		t.Errorf("%d writes were sent to the full database, want at most 100; stderr = %s", n, out.Stderr)
	}
}

// databaseSize returns the size of etcd's database.
func databaseSize(t *testing.T, l *labtest.Lab) float64 {
	t.Helper()
	etcd := l.Etcd(t)
	defer etcd.Close()
	status, err := etcd.Status(t.Context(), etcd.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(status.DbSize)
}
