package e2e

import (
	"math/rand/v2"
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
			l := labtest.StartServers(t, 2, balance, "--goaway-chance", "0.02")
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
			if c, _ := l.Coverage(t, "verify"); c.Verdict != "Recorded" {
				t.Errorf("by the record: %s: %s, want Recorded", c.Verdict, c.Statement)
			}
			l.Lag(t, lagging, true) // an audit that writes takes back what this refutes
			l.Plugin(t, "audit", "--verify-data", "--sample", "20")
			if c, _ := l.Coverage(t, "verify"); c.Verdict == "Recorded" {
				t.Errorf("by the record after the audit: %s: %s", c.Verdict, c.Statement)
			}
		})
	}
}
