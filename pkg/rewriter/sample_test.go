package rewriter

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestSample(t *testing.T) {
	tests := []struct {
		name    string
		current int
		stale   int
		size    int
		verdict v1alpha1.CoverageVerdict
		says    string
	}{
		{"none stale of 300", 5000, 0, 300, v1alpha1.CoverageNotProven, "0 of 300 secrets drawn at random were stale"},
		{"half stale", 500, 500, 50, v1alpha1.CoverageStale, "run rewrite"},
		{"as large as all", 40, 0, 40, v1alpha1.CoverageProven, "All 40 secrets"},
		{"larger than all", 40, 0, 4000, v1alpha1.CoverageProven, "All 40 secrets"},
		{"of nothing", 0, 0, 10, v1alpha1.CoverageProven, "There are no secrets"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.secrets("c", test.current, newKey)
			f.secrets("s", test.stale, oldKey)
			o := options(f, v1alpha1.MethodSample)
			o.SampleSize = test.size
			r := must(t, o).Report
			if r.Verdict != test.verdict || !strings.Contains(r.Statement, test.says) {
				t.Errorf("%s: %s; want %s with %q", r.Verdict, r.Statement, test.verdict, test.says)
			}
			if len(f.patches) > test.size {
				t.Errorf("%d objects were written to, the sample is of %d", len(f.patches), test.size)
			}
		})
	}
}

// The bound is the hypergeometric one: with one more stale object, a sample
// without any would come about in fewer than 5 % of the draws.
func TestMostStale(t *testing.T) {
	for _, test := range []struct{ population, sample int64 }{
		{5000, 300}, {100, 10}, {20_000, 300}, {1_000_000, 3000}, {10, 9}, {1, 1}, {7, 1},
	} {
		m := mostStale(test.population, test.sample)
		if chance(test.population, test.sample, m) <= 0.05 && m > 0 {
			t.Errorf("%d of %d: %d stale ones would have been seen", test.sample, test.population, m)
		}
		if m < test.population-test.sample && chance(test.population, test.sample, m+1) > 0.05 {
			t.Errorf("%d of %d: the bound %d is too low", test.sample, test.population, m)
		}
	}
	if m := mostStale(1_000_000, 300); float64(m)/1_000_000 >= 0.01 {
		t.Errorf("0 of 300 says fewer than 1 %%, not %d of a million", m)
	}
}

// chance is C(population-stale, sample) / C(population, sample), by logarithms.
func chance(population, sample, stale int64) float64 {
	if sample > population-stale {
		return 0
	}
	binomial := func(n, k int64) float64 {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		return a - b - c
	}
	return math.Exp(binomial(population-stale, sample) - binomial(population, sample))
}

// Every object is as likely to be drawn as any other.
func TestDrawIsUniform(t *testing.T) {
	const population, n, rounds = 20, 5, 20_000
	dice := rand.New(rand.NewPCG(3, 4))
	var drawn [population]int
	all := func(yield func(int) bool) {
		for i := range population {
			if !yield(i) {
				return
			}
		}
	}
	for range rounds {
		taken := 0
		draw(dice, population, n, all, func(i int) { drawn[i]++; taken++ })
		if taken != n {
			t.Fatalf("%d were drawn, want %d", taken, n)
		}
	}
	for i, count := range drawn {
		if want := rounds * n / population; math.Abs(float64(count-want)) > 0.06*float64(want) {
			t.Errorf("object %d was drawn %d times, want about %d", i, count, want)
		}
	}
}
