// Package parallel computes parts of a large result on all processors.
package parallel

import (
	"iter"
	"runtime"
	"sync"
)

// window is the number of results that a processor computes before they are passed on. It bounds the memory: a whole
// report as text may be larger than the report.
const window = 16

// Map returns f(0) to f(n-1) in order. Calls of f run at the same time. If the caller stops, for instance after an
// error, at most the calls of one window were unnecessary.
func Map[T any](n int, f func(i int) (T, error)) iter.Seq2[T, error] {
	type result struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		processors := runtime.GOMAXPROCS(0)
		results := make([]result, processors*window)
		for begin := 0; begin < n; begin += len(results) {
			results = results[:min(len(results), n-begin)]
			var all sync.WaitGroup
			for p := range processors {
				all.Go(func() {
					for i := p; i < len(results); i += processors {
						results[i].value, results[i].err = f(begin + i)
					}
				})
			}
			all.Wait()
			for _, r := range results {
				if !yield(r.value, r.err) {
					return
				}
			}
		}
	}
}
