package cmd_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// BenchmarkAudit audits 20 regions of 20 accounts as a process of the built program, with 20 ms for each call, and
// reports its greatest memory. "of-ideal" is the time divided by calls ÷ concurrency × 20 ms; only an idle machine
// comes close to 1. The fake AWS runs on the same processors.
//
//	go test ./pkg/cmd -run '^$' -bench Audit/10000/json -benchtime 1x
func BenchmarkAudit(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "kubectl-eks_encrypt")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin,
		"../../cmd/kubectl-eks_encrypt")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, clusters := range []int{1000, 5000, 10000} {
		for _, format := range []string{"json", "yaml", "table", "csv", "html", "sarif", "asff", "ocsf"} {
			b.Run(fmt.Sprintf("%d/%s", clusters, format), func(b *testing.B) { benchmarkAudit(b, bin, clusters, format) })
		}
	}
}

func benchmarkAudit(b *testing.B, bin string, clusters int, format string) {
	const latency = 20 * time.Millisecond
	w := newAuditTest(b, fakeaws.GenerateOptions{Clusters: clusters, Regions: 20, Accounts: 20, Seed: 1})
	w.SetFaults([]fakeaws.Fault{{Latency: latency}})
	w.bin = bin
	for b.Loop() {
		w.ResetRequests()
		runtime.GC()
		begin := time.Now()
		cmd := w.command(b, "--output-file", format+"="+w.path("report"))
		if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			b.Fatal(err)
		}
		took := time.Since(begin)
		usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Skip("no resource usage on this system")
		}
		calls := len(w.Requests())
		ideal := time.Duration(calls) * latency / fleet.DefaultMaxConcurrency
		b.ReportMetric(float64(calls), "calls")
		b.ReportMetric(took.Seconds(), "took-s")
		b.ReportMetric(float64(took)/float64(ideal), "of-ideal")
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s")
		b.ReportMetric(float64(usage.Maxrss)/1024, "MiB")
		b.ReportMetric(0, "ns/op")
	}
}
