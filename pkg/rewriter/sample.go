package rewriter

import (
	"iter"
	"math/rand/v2"
)

// confidence of what a sample says.
const confidence = 0.95

// draw takes n of the population uniformly and without replacement (Knuth's
// selection sampling, algorithm S): one pass, no memory.
func draw(dice *rand.Rand, population, n int64, all iter.Seq[int], take func(int)) {
	for i := range all {
		if n <= 0 {
			return
		}
		if dice.Int64N(population) < n {
			take(i)
			n--
		}
		population--
	}
}

// draw leaves a random sample of n objects to be examined.
func (r *run) draw(n int) {
	chosen := make(map[int]bool, n)
	all := func(yield func(int) bool) {
		for i := range r.inventory.objects {
			if r.inventory.objects[i].state == pending && !yield(i) {
				return
			}
		}
	}
	draw(r.dice, r.counts[pending].Load(), int64(n), all, func(i int) { chosen[i] = true })
	for i := range all {
		if !chosen[i] {
			r.move(i, unexamined)
		}
	}
}

// mostStale is the largest number of stale objects that a population may hold if
// none of a random sample of it was stale, at 95 % confidence: one more, and the
// chance to draw none of them falls below 5 % (hypergeometric).
func mostStale(population, sample int64) int64 {
	low, high := int64(0), population-sample // more cannot be missed
	for low < high {
		middle := (low + high + 1) / 2
		if chanceOfNone(population, sample, middle) > 1-confidence {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// chanceOfNone is the probability that a sample without replacement has none of
// the stale ones.
func chanceOfNone(population, sample, stale int64) float64 {
	chance := 1.0
	for i := int64(0); i < min(sample, stale); i++ {
		// The roles are symmetric; the shorter product is taken.
		chance *= 1 - float64(max(sample, stale))/float64(population-i)
	}
	return chance
}
