package fleet

import (
	"context"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// TestKeyCacheForgetsGivenUp checks that a key is queried once, and again if its endpoint was given up.
func TestKeyCacheForgetsGivenUp(t *testing.T) {
	var cache KeyCache
	calls := 0
	err := error(&givenUpError{endpoint{serviceKMS, "eu-west-1"}})
	query := func(context.Context, string) inspect.KeyFacts {
		calls++
		return inspect.KeyFacts{Err: err}
	}
	for want := 1; want <= 2; want++ {
		if got := cache.Facts(t.Context(), "111122223333", keyA, query); got.Err == nil || calls != want {
			t.Errorf("%d calls, error %v, want %d and an error", calls, got.Err, want)
		}
	}
	err = nil
	for range 2 {
		if got := cache.Facts(t.Context(), "111122223333", keyA, query); got.Err != nil || calls != 3 {
			t.Errorf("%d calls, error %v, want 3 and none", calls, got.Err)
		}
	}
}
