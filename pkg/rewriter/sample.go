package rewriter

import (
	"iter"
	"math/rand/v2"
)

// confidence level of a sample's statement.
const confidence = 0.95

// choose picks n of the population uniformly and without replacement (Knuth's
// selection sampling, algorithm S). It takes one pass and no memory.
func choose(random *rand.Rand, population, n int64, all iter.Seq[int], pick func(int)) {
	for i := range all {
		if n <= 0 {
			return
		}
		if random.Int64N(population) < n {
			pick(i)
			n--
		}
		population--
	}
}

// chooseSample leaves a random sample of n objects pending.
func (r *run) chooseSample(n int) {
	chosen := make(map[int]bool, n)
	choose(r.random, r.counts[pending].Load(), int64(n), r.inState(pending), func(i int) { chosen[i] = true })
	for i := range r.inState(pending) {
		if !chosen[i] {
			r.move(i, unexamined)
		}
	}
}

// maxStale returns the largest number of stale objects that a population may contain
// if a random sample of it contained none, at 95 % confidence. With one more stale
// object, the probability of such a sample is below 5 % (hypergeometric).
func maxStale(population, sample int64) int64 {
	low, high := int64(0), population-sample // a sample cannot miss more than that
	for low < high {
		middle := (low + high + 1) / 2
		if probabilityOfNone(population, sample, middle) > 1-confidence {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// probabilityOfNone returns the probability that a sample without replacement
// contains none of the stale objects.
func probabilityOfNone(population, sample, stale int64) float64 {
	p := 1.0
	for i := int64(0); i < min(sample, stale); i++ {
		// Sample and stale may be swapped; the shorter product is computed.
		p *= 1 - float64(max(sample, stale))/float64(population-i)
	}
	return p
}
