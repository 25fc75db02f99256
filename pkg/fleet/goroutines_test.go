package fleet

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// TestGoroutines checks that the number of goroutines depends on the number of concurrent calls, and not on that of the
// clusters: each of them has a stack inside the SDK. The server of the test runs in this process, with goroutines of
// its own.
func TestGoroutines(t *testing.T) {
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 1500, Regions: 2, Accounts: 1, Seed: 8})
	f.SetFaults([]fakeaws.Fault{{Operation: "DescribeCluster", Latency: 5 * time.Millisecond}})
	var most atomic.Int64
	o := f.options()
	o.MaxConcurrency = 8
	o.Progress = func(Progress) { most.Store(max(most.Load(), int64(runtime.NumGoroutine()))) }
	if g := f.gather(t, o); len(g.Items) != len(f.Generated.Expected) {
		t.Fatalf("%d clusters, want %d", len(g.Items), len(f.Generated.Expected))
	}
	if n := most.Load(); n > 400 {
		t.Errorf("%d goroutines for 1500 clusters and 8 concurrent calls, want at most 400", n)
	}
	t.Logf("%d goroutines", most.Load())
}
