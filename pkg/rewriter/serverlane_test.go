package rewriter

import (
	"fmt"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// TestCheckPools checks that a proxy that takes the servers in turn is found, whatever the
// numbers of servers and of connections are.
func TestCheckPools(t *testing.T) {
	for _, pool := range []bool{true, false} {
		for n := 2; n <= 4; n++ {
			for connections := 1; connections <= 4; connections++ {
				t.Run(fmt.Sprintf("%d servers, %d connections, %t", n, connections, pool), func(t *testing.T) {
					f := newFake(t)
					for range n - 1 {
						f.addServer()
					}
					f.balance = func(i int) int { return i % n }
					f.pool = pool
					s := &servers{config: apiserver.HTTP1(f.restConfig())}
					defer s.close()
					if err := s.open(t.Context(), connections); err != nil {
						t.Fatal(err)
					}
					if s.spread != pool {
						t.Errorf("spread = %t, want %t", s.spread, pool)
					}
					if s.distance() <= 0 {
						t.Error("the distance is unknown")
					}
				})
			}
		}
	}
}
