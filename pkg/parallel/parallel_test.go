package parallel

import (
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
)

// TestMap checks the order and the number of results around the sizes of a window.
func TestMap(t *testing.T) {
	size := window * runtime.GOMAXPROCS(0)
	for _, n := range []int{0, 1, 2, window, size - 1, size, size + 1, 3*size + 5} {
		next := 0
		for got, err := range Map(n, func(i int) (int, error) { return i, nil }) {
			if got != next || err != nil {
				t.Fatalf("Map(%d) = %d, %v at %d", n, got, err, next)
			}
			next++
		}
		if next != n {
			t.Errorf("Map(%d) has %d results", n, next)
		}
	}
}

// TestMapError checks that an error comes at its place, and that f is not called for later windows after the caller
// has stopped.
func TestMapError(t *testing.T) {
	const wrong = 5
	failure := errors.New("wrong")
	var calls atomic.Int64
	var got []int
	for i, err := range Map(1_000_000, func(i int) (int, error) {
		calls.Add(1)
		if i >= wrong {
			return i, failure
		}
		return i, nil
	}) {
		if err != nil {
			break
		}
		got = append(got, i)
	}
	if want := []int{0, 1, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("before the error: %v, want %v", got, want)
	}
	if n, limit := calls.Load(), int64(window*runtime.GOMAXPROCS(0)); n > limit {
		t.Errorf("%d calls, want at most %d", n, limit)
	}
}
