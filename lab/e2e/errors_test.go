package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// startStale starts a lab with n secrets that are encrypted with the AWS-owned key,
// and associates the customer key.
func startStale(t *testing.T, n int) *labtest.Lab {
	t.Helper()
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	return l
}

// checkRewritten fails unless the run proved n secrets without failures, and etcd
// agrees.
func checkRewritten(t *testing.T, l *labtest.Lab, n int, c labtest.Coverage, out labtest.Output) {
	t.Helper()
	if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Total != n || c.Resources[0].Failed != 0 {
		t.Errorf("exit code = %d, report = %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != n || len(by) != 1 {
		t.Errorf("secrets in etcd = %v, want %d encrypted with the customer key", by, n)
	}
}

// client returns a Kubernetes client with the credentials of the lab's admin.
func client(t *testing.T, l *labtest.Lab) *kubernetes.Clientset {
	t.Helper()
	config, err := clientcmd.LoadFromFile(l.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	var credential struct{ Status struct{ Token string } }
	if err := json.Unmarshal([]byte(l.Lab(t, "token", "--person", "admin").Must(t)), &credential); err != nil {
		t.Fatal(err)
	}
	c, err := kubernetes.NewForConfig(&rest.Config{
		Host: cluster.Server, BearerToken: credential.Status.Token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A rewrite succeeds if a third of the requests get 429, or a tenth of them 503.
func TestRejectedRequests(t *testing.T) {
	for code, oneIn := range map[int]int64{http.StatusTooManyRequests: 3, http.StatusServiceUnavailable: 10} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			const n = 400
			l := startStale(t, n)
			var requests, rejected atomic.Int64
			config := startProxy(t, l, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if requests.Add(1)%oneIn == 0 {
						rejected.Add(1)
						w.Header().Set("Retry-After", "1")
						http.Error(w, "not now", code)
						return
					}
					next.ServeHTTP(w, r)
				})
			}, nil)
			c, out := l.Coverage(t, append([]string{"rewrite"}, proxyFlags(config)...)...)
			checkRewritten(t, l, n, c, out)
			if rejected.Load() < n/oneIn/2 {
				t.Errorf("only %d of %d requests were rejected", rejected.Load(), requests.Load())
			}
		})
	}
}

// A rewrite succeeds if its continue token expires: during the list, etcd is
// compacted and the API server is restarted, so that neither has the list's
// revision any more.
func TestContinueTokenExpires(t *testing.T) {
	const n = 2500
	l := startStale(t, n)
	etcd := l.Etcd(t)
	defer etcd.Close()
	kube := client(t, l)
	var expired atomic.Int64
	compact := sync.OnceFunc(func() {
		ctx := context.Background()
		// The compaction must be newer than the list's revision.
		next := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "next-revision"}}
		if _, err := kube.CoreV1().Namespaces().Create(ctx, next, metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
		now, err := etcd.Get(ctx, "/")
		if err == nil {
			_, err = etcd.Compact(ctx, now.Header.Revision)
		}
		if err != nil {
			t.Error(err)
		}
		l.Lab(t, "fault", "add", "apiserver-stopped")
		l.Lab(t, "fault", "clear")
	})
	config := startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("continue") != "" {
				compact()
			}
			next.ServeHTTP(w, r)
		})
	}, func(r *http.Response) error {
		if r.StatusCode == http.StatusGone {
			expired.Add(1)
		}
		return nil
	})
	c, out := l.Coverage(t, append([]string{"rewrite"}, proxyFlags(config)...)...)
	checkRewritten(t, l, n, c, out)
	if expired.Load() == 0 {
		t.Error("no continue token expired")
	}
}

// A rewrite succeeds while other clients create, delete, recreate and change secrets.
func TestConcurrentClients(t *testing.T) {
	const n = 1500
	l := startStale(t, n)
	secrets := client(t, l).CoreV1().Secrets("default")
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var created atomic.Int64
	for worker := range 3 {
		clients.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("other-%d-%d", worker, i)
				secret := &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"a": "b"},
				}
				s, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
				if err != nil {
					continue
				}
				created.Add(1)
				switch i % 3 {
				case 0: // deleted
					_ = secrets.Delete(ctx, name, metav1.DeleteOptions{})
				case 1: // recreated
					_ = secrets.Delete(ctx, name, metav1.DeleteOptions{})
					_, _ = secrets.Create(ctx, secret, metav1.CreateOptions{})
				case 2: // changed
					s.Labels = map[string]string{"changed": "yes"}
					_, _ = secrets.Update(ctx, s, metav1.UpdateOptions{})
				}
			}
		})
	}
	c, out := l.Coverage(t, "rewrite")
	stop()
	clients.Wait()
	r := c.Resources[0]
	if out.Code != 0 || c.Verdict != "Proven" || r.Failed != 0 || r.Unproven != 0 || r.Rewritten < n {
		t.Errorf("exit code = %d, report = %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).ByProvider("secrets"); len(by) != 1 || by["customer"] < n {
		t.Errorf("secrets in etcd = %v, want at least %d, all encrypted with the customer key", by, n)
	}
	if created.Load() < 20 {
		t.Errorf("other clients created %d secrets, want at least 20", created.Load())
	}
}

// A rewrite succeeds if KMS returns errors for 20 seconds.
func TestKMSDown(t *testing.T) {
	const n = 900
	l := startStale(t, n)
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(2 * time.Second)
		l.Lab(t, "fault", "add", "5xx", "--service", "kms")
		time.Sleep(20 * time.Second)
		l.Lab(t, "fault", "clear")
	}()
	c, out := l.Coverage(t, "rewrite", "--qps", "30")
	<-done
	checkRewritten(t, l, n, c, out)
}

// Ctrl-C ends a run with correct counts and exit code 130; the next run rewrites the
// remaining secrets.
func TestInterruptedRewrite(t *testing.T) {
	const n = 600
	l := startStale(t, n)
	cmd := l.Command(t, "kubectl-eks_encrypt", "rewrite", "--qps", "100", "-o", "json")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "a tenth of the secrets is not rewritten", func() bool {
		return l.Scan(t).ByProvider("secrets")["customer"] >= n/10
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	var c labtest.Coverage
	if err := json.Unmarshal([]byte(stdout.String()), &c); err != nil {
		t.Fatalf("no report: %v\n%s", err, stderr.String())
	}
	by := l.Scan(t).ByProvider("secrets")
	code, r := cmd.ProcessState.ExitCode(), c.Resources[0]
	if code != 130 || c.Verdict != "Incomplete" || r.Total != n || r.Rewritten != by["customer"] ||
		by["aws-owned"] != n-r.Rewritten || by["aws-owned"] == 0 {
		t.Errorf("exit code = %d, report = %+v; secrets in etcd = %v\n%s", code, c, by, stderr.String())
	}
	again, out := l.Coverage(t, "rewrite")
	checkRewritten(t, l, n, again, out)
	if r := again.Resources[0]; r.Current != by["customer"] || r.Rewritten != by["aws-owned"] {
		t.Errorf("second run = %+v, want %d current and %d rewritten", r, by["customer"], by["aws-owned"])
	}
}
