package e2e

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// TestRewriteWithLaggingServer runs rewrite over two API servers, of which one lags. It must not
// claim anything that etcd contradicts, nor move objects back to the old key. Without the
// fault it proves everything.
func TestRewriteWithLaggingServer(t *testing.T) {
	for _, balance := range []string{"random", "first"} {
		t.Run(balance, func(t *testing.T) {
			l := labtest.StartServers(t, 2, balance)
			l.Lab(t, "seed", "--secrets", "150", "--size", "200").Must(t)
			random := rand.New(rand.NewPCG(3, uint64(len(balance))))
			lagging := 1 + random.IntN(2)
			l.Lag(t, lagging, true)
			l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
			for range 4 {
				before := l.Scan(t).ByProvider("secrets")
				c, out := l.Coverage(t, "rewrite")
				after := l.Scan(t).ByProvider("secrets")
				if c.Verdict == "Proven" || out.Code == 0 {
					t.Errorf("exit code = %d, %s: %s; etcd has %v", out.Code, c.Verdict, c.Statement, after)
				}
				if after["aws-owned"] > before["aws-owned"] {
					t.Errorf("secrets in etcd = %v, before %v: some were moved back", after, before)
				}
			}
			if c, out := l.Coverage(t, "verify", "--by-metrics"); out.Code == 0 || c.Verdict == "Proven" {
				t.Errorf("by metrics: exit code = %d, %s: %s", out.Code, c.Verdict, c.Statement)
			}
			if c, out := l.Coverage(t, "verify"); out.Code == 0 || c.Verdict == "Recorded" {
				t.Errorf("by the record: exit code = %d, %s: %s", out.Code, c.Verdict, c.Statement)
			}
			l.ClearFaults(t)
			if balance == "first" {
				return // the other server is never reached
			}
			waitFor(t, 90*time.Second, "the servers do not agree", func() bool {
				c, out := l.Coverage(t, "rewrite")
				return out.Code == 0 && c.Verdict == "Proven"
			})
			if by := l.Scan(t).ByProvider("secrets"); by["customer"] != 150 || len(by) != 1 {
				t.Errorf("secrets in etcd = %v, want all encrypted with the customer key", by)
			}
		})
	}
}

// TestByMetrics compares the counts of verify --by-metrics with etcd, also while others
// read. It writes nothing.
func TestByMetrics(t *testing.T) {
	l := labtest.StartServers(t, 2, "random")
	const n = 700
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n/2), "--size", "100").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes", "--no-record").Must(t)
	l.Lab(t, "seed", "--secrets", fmt.Sprint(n), "--size", "100").Must(t)
	want := l.Scan(t).ByProvider("secrets")
	revision := secretsRevision(t, l)
	c, out := l.Coverage(t, "verify", "--by-metrics")
	r := c.Resources[0]
	if out.Code != 1 || c.Verdict != "Stale" || r.Current != want["customer"] || r.Stale != want["aws-owned"] {
		t.Errorf("exit code = %d, report = %+v; etcd has %v\n%s", out.Code, c, want, out.Stderr)
	}

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					l.Run(t, "kubectl", "get", "secret", "-n", "lab-0", "seed-00001", "--ignore-not-found")
					l.Run(t, "kubectl", "get", "configmap", "-n", "kube-system", "kube-root-ca.crt")
				}
			}
		})
	}
	c, _ = l.Coverage(t, "verify", "--by-metrics")
	close(stop)
	readers.Wait()
	if r := c.Resources[0]; r.Current > want["customer"] || r.Stale > want["aws-owned"] || c.Verdict == "Proven" {
		t.Errorf("with other readers: %s, %d current, %d stale; etcd has %v", c.Verdict, r.Current, r.Stale, want)
	}
	if now := secretsRevision(t, l); now != revision {
		t.Errorf("revision of the secrets = %s, want %s as before", now, revision)
	}
	l.Plugin(t, "rewrite").Must(t)
	if c, out := l.Coverage(t, "verify", "--by-metrics"); out.Code != 0 || c.Verdict != "Proven" {
		t.Errorf("after a rewrite: exit code = %d, %s: %s", out.Code, c.Verdict, c.Statement)
	}
}

// TestNoValueInMemory searches the memory of a rewrite for the values of Secrets that
// kubectl apply has copied into an annotation.
func TestNoValueInMemory(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	const marker = "the-applied-value-that-must-stay-secret"
	var items []string
	for i := range 60 {
		items = append(items, fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a%d",`+
			`"namespace":"default"},"stringData":{"password":"%s"}}`, i, marker))
	}
	kubectl(t, l, "apply", `{"apiVersion":"v1","kind":"List","items":[`+strings.Join(items, ",")+`]}`)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	for _, args := range [][]string{{"rewrite", "--qps", "2"}, {"verify", "--probe", "--qps", "2"}} {
		cmd := l.Command(t, "kubectl-eks_encrypt", args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 2*time.Minute, "it has no secret in memory", func() bool {
			return strings.Contains(processMemory(t, cmd.Process.Pid), "/secrets/a")
		})
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatalf("%v: it ended before it could be examined: %v", args, err)
		}
		memory := processMemory(t, cmd.Process.Pid)
		if !strings.Contains(memory, "as=Table") {
			t.Errorf("%v: the memory has no request for a Table: %d bytes were read", args, len(memory))
		}
		for _, form := range []string{marker, base64.StdEncoding.EncodeToString([]byte(marker))} {
			if strings.Contains(memory, form) {
				t.Errorf("%v: the memory has the value %q", args, form)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// processMemory returns all readable memory of a process that has no file behind it.
func processMemory(t *testing.T, pid int) string {
	t.Helper()
	maps, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "maps"))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := os.Open(filepath.Join("/proc", fmt.Sprint(pid), "mem"))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	var all strings.Builder
	for _, line := range strings.Split(string(maps), "\n") {
		var from, to int64
		var access string
		n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &access)
		if n != 3 || !strings.HasPrefix(access, "rw") || to-from > 1<<30 {
			continue
		}
		chunk := make([]byte, to-from)
		read, _ := memory.ReadAt(chunk, from)
		all.Write(chunk[:read])
	}
	return all.String()
}

// TestEtcdQuota checks that a rewrite does not fill the database.
func TestEtcdQuota(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s", "--etcd-quota", "64MiB")
	l.Lab(t, "seed", "--secrets", "2000", "--size", "12000").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	cmd := l.Command(t, "kubectl-eks_encrypt", "rewrite", "--etcd-quota", "64Mi")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(time.Minute): // it is paused
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
	}
	l.Run(t, "kubectl", "create", "configmap", "still-works").Must(t)
}
