package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// TestByMetrics compares the counts of verify --by-metrics with etcd, with two API servers, of which
// half of the secrets are stale. Without other readers they are equal, except that the controllers'
// own reads may hide a few; with them they are never better. It writes nothing.
func TestByMetrics(t *testing.T) {
	l := labtest.StartServers(t, 2, "random")
	const n = 700
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n/2), "--size", "100", "--namespaces", "2").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes", "--no-record").Must(t)
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--size", "100", "--namespaces", "2").Must(t)
	scan := l.Scan(t)
	want := scan.ByProvider("secrets")
	began := time.Now()
	c, out := l.Coverage(t, "verify", "--by-metrics")
	r := c.Resources[0]
	t.Logf("without other readers: %d current, %d stale, %d unproven of %d in %s; etcd has %v", r.Current, r.Stale,
		r.Unproven, r.Total, time.Since(began).Round(10*time.Millisecond), want)
	if out.Code != 1 || c.Verdict != "Stale" || r.Current != want["customer"] ||
		r.Stale > want["aws-owned"] || r.Stale < want["aws-owned"]-n/50 {
		t.Errorf("exit code = %d, report = %+v; etcd has %v\n%s", out.Code, c, want, out.Stderr)
	}
	for _, every := range []time.Duration{100 * time.Millisecond, 0} {
		reads := readAll(t, l, n, every)
		began := time.Now()
		c, _ := l.Coverage(t, "verify", "--by-metrics")
		took := time.Since(began)
		r, others := c.Resources[0], reads()
		t.Logf("beside %d reads of others: %s, %d current, %d stale, %d unproven in %s", others, c.Verdict, r.Current,
			r.Stale, r.Unproven, took.Round(10*time.Millisecond))
		if r.Current > want["customer"] || r.Stale > want["aws-owned"] || c.Verdict == "Proven" {
			t.Errorf("beside other readers: %s, %d current, %d stale; etcd has %v", c.Verdict, r.Current, r.Stale, want)
		}
		if others < 10 {
			t.Errorf("reads of others = %d, want at least 10", others)
		}
	}
	if written := writtenSince(t, l, scan.Revision); len(written) > 0 {
		t.Errorf("written in etcd: %v, want nothing", written)
	}
	l.Plugin(t, "rewrite").Must(t)
	if c, out := l.Coverage(t, "verify", "--by-metrics"); out.Code != 0 || c.Verdict != "Proven" {
		t.Errorf("after a rewrite: exit code = %d, %s: %s", out.Code, c.Verdict, c.Statement)
	}
}

// readAll simulates busy clients: on connections of their own they get secrets, list pages and whole
// namespaces, and get ConfigMaps, each one with a pause in between. The returned function ends them
// and returns the number of requests.
func readAll(t *testing.T, l *labtest.Lab, n int, pause time.Duration) (end func() int64) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var requests atomic.Int64
	for worker := range 4 {
		kube := client(t, l).CoreV1()
		random := rand.New(rand.NewPCG(uint64(worker), 1))
		clients.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(pause) {
				i := random.IntN(n)
				namespace := fmt.Sprintf("seed-%d", i%2)
				var err error
				switch random.IntN(10) {
				case 0:
					_, err = kube.Secrets("").List(ctx, metav1.ListOptions{Limit: 50})
				case 1:
					_, err = kube.Secrets(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
				case 2:
					_, err = kube.ConfigMaps("kube-system").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
				default:
					_, err = kube.Secrets(namespace).Get(ctx, fmt.Sprintf("secret-%06d", i), metav1.GetOptions{})
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				requests.Add(1)
			}
		})
	}
	return func() int64 {
		stop()
		clients.Wait()
		return requests.Load()
	}
}

// writtenSince returns the keys in etcd that were written after the revision, except those that the
// API servers and controllers write all the time.
func writtenSince(t *testing.T, l *labtest.Lab, revision int64) (keys []string) {
	t.Helper()
	etcd := l.Etcd(t)
	defer etcd.Close()
	written, err := etcd.Get(t.Context(), "/registry/", clientv3.WithPrefix(), clientv3.WithKeysOnly(),
		clientv3.WithMinModRev(revision+1))
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range written.Kvs {
		key := string(kv.Key)
		if !strings.HasPrefix(key, "/registry/leases/") && !strings.HasPrefix(key, "/registry/masterleases/") &&
			!strings.HasPrefix(key, "/registry/peerserverleases/") && !strings.HasPrefix(key, "/registry/events/") {
			keys = append(keys, key)
		}
	}
	return keys
}
