package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/etcdclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// stale starts a lab with n secrets under the AWS-owned key, and a customer key
// associated.
func stale(t *testing.T, n int) *labtest.Lab {
	t.Helper()
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--namespaces", "4", "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	return l
}

// rewritten fails unless the run proved n secrets, none of them failed, and etcd
// agrees.
func rewritten(t *testing.T, l *labtest.Lab, n int, c labtest.Coverage, out labtest.Output) {
	t.Helper()
	if out.Code != 0 || c.Verdict != "Proven" || c.Resources[0].Total != n || c.Resources[0].Failed != 0 {
		t.Errorf("exit code %d, %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).By("secrets"); by["customer"] != n || len(by) != 1 {
		t.Errorf("etcd holds %v, want %d under the customer key", by, n)
	}
}

// client is client-go's, as the lab's admin.
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
	c, err := kubernetes.NewForConfig(&rest.Config{Host: cluster.Server, BearerToken: credential.Status.Token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func namespaceNamed(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func secretNamed(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"a": "b"}}
}

// A third of the requests answered 429, or a tenth of them 503.
func TestRefusals(t *testing.T) {
	for code, oneIn := range map[int]int64{http.StatusTooManyRequests: 3, http.StatusServiceUnavailable: 10} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			const n = 400
			l := stale(t, n)
			var asked, refused atomic.Int64
			config := between(t, l, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if asked.Add(1)%oneIn == 0 {
						refused.Add(1)
						w.Header().Set("Retry-After", "1")
						http.Error(w, "not now", code)
						return
					}
					next.ServeHTTP(w, r)
				})
			}, nil)
			c, out := l.Coverage(t, append([]string{"rewrite"}, byName(config)...)...)
			rewritten(t, l, n, c, out)
			if refused.Load() < n/oneIn/2 {
				t.Errorf("only %d of %d requests were refused", refused.Load(), asked.Load())
			}
		})
	}
}

// The API server is restarted and etcd compacted while the list is under way, so
// that neither has the list's revision any more: its continue token expires.
func TestContinueTokenExpires(t *testing.T) {
	const n = 2500
	l := stale(t, n)
	dir := state.Dir(l.Dir)
	lab, err := state.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	etcd, err := etcdclient.New(dir, lab)
	if err != nil {
		t.Fatal(err)
	}
	defer etcd.Close()
	kube := client(t, l)
	var gone atomic.Int64
	compact := sync.OnceFunc(func() {
		// The compaction must be past the list's revision.
		if _, err := kube.CoreV1().Namespaces().Create(context.Background(), namespaceNamed("moves-on"), metav1.CreateOptions{}); err != nil {
			t.Error(err)
		}
		now, err := etcd.Get(context.Background(), "/")
		if err == nil {
			_, err = etcd.Compact(context.Background(), now.Header.Revision)
		}
		if err != nil {
			t.Error(err)
		}
		l.Lab(t, "fault", "add", "apiserver-stopped")
		l.Lab(t, "fault", "clear")
	})
	config := between(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("continue") != "" {
				compact()
			}
			next.ServeHTTP(w, r)
		})
	}, func(r *http.Response) error {
		if r.StatusCode == http.StatusGone {
			gone.Add(1)
		}
		return nil
	})
	c, out := l.Coverage(t, append([]string{"rewrite"}, byName(config)...)...)
	rewritten(t, l, n, c, out)
	if gone.Load() == 0 {
		t.Error("no continue token has expired: the test shows nothing")
	}
}

// Others create, delete, recreate and change secrets all the while.
func TestOthersAtWork(t *testing.T) {
	const n = 1500
	l := stale(t, n)
	secrets := client(t, l).CoreV1().Secrets("default")
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	var made atomic.Int64
	for worker := range 3 {
		others.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("other-%d-%d", worker, i)
				s, err := secrets.Create(ctx, secretNamed(name), metav1.CreateOptions{})
				if err != nil {
					continue
				}
				made.Add(1)
				switch i % 3 {
				case 0: // deleted
					_ = secrets.Delete(ctx, name, metav1.DeleteOptions{})
				case 1: // recreated
					_ = secrets.Delete(ctx, name, metav1.DeleteOptions{})
					_, _ = secrets.Create(ctx, secretNamed(name), metav1.CreateOptions{})
				case 2: // changed
					s.Labels = map[string]string{"changed": "yes"}
					_, _ = secrets.Update(ctx, s, metav1.UpdateOptions{})
				}
			}
		})
	}
	c, out := l.Coverage(t, "rewrite")
	stop()
	others.Wait()
	r := c.Resources[0]
	if out.Code != 0 || c.Verdict != "Proven" || r.Failed != 0 || r.Unproven != 0 || r.Rewritten < n {
		t.Errorf("exit code %d, %+v\n%s", out.Code, c, out.Stderr)
	}
	if by := l.Scan(t).By("secrets"); len(by) != 1 || by["customer"] < n {
		t.Errorf("etcd holds %v", by)
	}
	if made.Load() < 20 {
		t.Errorf("others made only %d secrets: the test shows nothing", made.Load())
	}
}

// A webhook that changes every secret with every write is not taken for staleness.
func TestMutatingWebhook(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const n = 60
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--size", "100").Must(t) // all current
	var calls atomic.Int64
	hook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct{ UID string }
		}
		raw, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(raw, &review); err != nil {
			t.Error(err)
		}
		patch := fmt.Sprintf(`[{"op":"add","path":"/metadata/annotations","value":{"touched":"%d"}}]`, calls.Add(1))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": map[string]any{
			"uid": review.Request.UID, "allowed": true, "patchType": "JSONPatch", "patch": []byte(patch),
		}})
	}))
	defer hook.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})
	manifest, _ := json.Marshal(map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": map[string]any{"name": "touch"},
		"webhooks": []any{map[string]any{
			"name": "touch.example.com", "sideEffects": "None", "admissionReviewVersions": []string{"v1"}, "failurePolicy": "Fail",
			"clientConfig": map[string]any{"url": hook.URL, "caBundle": ca},
			"rules":        []any{map[string]any{"apiGroups": []string{""}, "apiVersions": []string{"v1"}, "operations": []string{"UPDATE"}, "resources": []string{"secrets"}}},
		}},
	})
	l.As(t, "admin")
	apply(t, l, string(manifest))
	for deadline := time.Now().Add(30 * time.Second); calls.Load() == 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the webhook is not in force")
		}
		l.Run(t, "kubectl", "label", "secret", "--all", "-n", "seed-0", "a=b", "--overwrite")
		l.Run(t, "kubectl", "label", "secret", "--all", "-n", "seed-0", "a-")
	}
	l.As(t, "")
	c, out := l.Coverage(t, "rewrite")
	if r := c.Resources[0]; out.Code != 1 || c.Verdict != "NotProven" || r.Unproven != n || r.Rewritten != 0 {
		t.Errorf("exit code %d, %+v\n%s", out.Code, c, out.Stderr)
	}
	if !strings.Contains(strings.Join(c.Notes, " "), "webhook") {
		t.Errorf("the report does not name the cause: %v", c.Notes)
	}
}

// KMS answers nothing for 20 seconds of a run.
func TestKMSDown(t *testing.T) {
	const n = 900
	l := stale(t, n)
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
	rewritten(t, l, n, c, out)
}

// Ctrl-C ends a run with true counts and the code 130; the next one does the rest.
func TestInterruptedRewrite(t *testing.T) {
	const n = 600
	l := stale(t, n)
	cmd := l.Command(t, "kubectl-eks_encrypt", "rewrite", "--qps", "100", "-o", "json")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); l.Scan(t).By("secrets")["customer"] < n/10; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was rewritten within a minute")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	var c labtest.Coverage
	if err := json.Unmarshal([]byte(stdout.String()), &c); err != nil {
		t.Fatalf("no report: %v\n%s", err, stderr.String())
	}
	by := l.Scan(t).By("secrets")
	if r := c.Resources[0]; cmd.ProcessState.ExitCode() != 130 || c.Verdict != "Incomplete" || r.Total != n || r.Rewritten != by["customer"] || by["aws-owned"] != n-r.Rewritten || by["aws-owned"] == 0 {
		t.Errorf("exit code %d, %+v; etcd holds %v\n%s", cmd.ProcessState.ExitCode(), c, by, stderr.String())
	}
	again, out := l.Coverage(t, "rewrite")
	rewritten(t, l, n, again, out)
	if r := again.Resources[0]; r.Current != by["customer"] || r.Rewritten != by["aws-owned"] {
		t.Errorf("the second run: %+v, want %d current and %d rewritten", r, by["customer"], by["aws-owned"])
	}
}
