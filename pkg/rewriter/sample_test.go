package rewriter

import (
	"math"
	"math/rand/v2"
	"strconv"
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
		want    string // in the statement
	}{
		{"none stale of 300", 5000, 0, 300, v1alpha1.CoverageNotProven, "0 of 300 secrets drawn at random were stale"},
		{"half stale", 500, 500, 50, v1alpha1.CoverageNotProven, "an older key, or stored in an older version"},
		{"all in the sample", 40, 0, 40, v1alpha1.CoverageProven, "All 40 secrets"},
		{"sample larger than the population", 40, 0, 4000, v1alpha1.CoverageProven, "All 40 secrets"},
		{"no objects", 0, 0, 10, v1alpha1.CoverageProven, "no secrets"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			f.secrets("c", test.current, newKey)
			f.secrets("s", test.stale, oldKey)
			o := options(f, v1alpha1.MethodSample)
			o.SampleSize = test.size
			r := must(t, o).Report
			if r.Verdict != test.verdict || !strings.Contains(r.Statement, test.want) {
				t.Errorf("report = %s: %s; want %s with %q", r.Verdict, r.Statement, test.verdict, test.want)
			}
			if len(f.patches) > test.size {
				t.Errorf("written objects = %d, want at most %d", len(f.patches), test.size)
			}
		})
	}
}

// TestSampleShowsStaleness checks that staleness is claimed only of objects that were not
// written since before the association.
func TestSampleShowsStaleness(t *testing.T) {
	for _, noted := range []bool{true, false} {
		f := newFake(t)
		f.secrets("s", 500, oldKey)
		o := options(f, v1alpha1.MethodSample)
		o.SampleSize = 50
		o.Record = &Record{ClusterARN: "arn:c", KeyARN: "arn:key"}
		want, control := v1alpha1.CoverageNotProven, v1alpha1.ControlNone
		if noted {
			o.Record.ResourceVersionBefore = strconv.FormatUint(f.rev, 10)
			want, control = v1alpha1.CoverageStale, v1alpha1.ControlPassed
		}
		r := must(t, o).Report
		if r.Verdict != want || r.Control != control || noted != (r.Resources[0].Stale == 50) {
			t.Errorf("noted %v: report = %s, %s, %+v; want %s, %s", noted, r.Verdict, r.Control, r.Resources[0], want, control)
		}
	}
}

// TestMaxStale checks that the bound is hypergeometric: with one more stale object, the
// probability of a sample without any would be below 5 %.
func TestMaxStale(t *testing.T) {
	for _, test := range []struct{ population, sample int64 }{
		{5000, 300}, {100, 10}, {20_000, 300}, {1_000_000, 3000}, {10, 9}, {1, 1}, {7, 1},
	} {
		m := maxStale(test.population, test.sample)
		if hypergeometric(test.population, test.sample, m) <= 0.05 && m > 0 {
			t.Errorf("maxStale(%[2]d, %[1]d) = %[3]d, want less", test.sample, test.population, m)
		}
		if m < test.population-test.sample && hypergeometric(test.population, test.sample, m+1) > 0.05 {
			t.Errorf("maxStale(%[2]d, %[1]d) = %[3]d, want more", test.sample, test.population, m)
		}
	}
	if m := maxStale(1_000_000, 300); float64(m)/1_000_000 >= 0.01 {
		t.Errorf("maxStale(1000000, 300) = %d, want less than 1 %%", m)
	}
}

// hypergeometric returns C(population-stale, sample) / C(population, sample).
func hypergeometric(population, sample, stale int64) float64 {
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

// TestChooseIsUniform checks that each object is chosen with the same probability.
func TestChooseIsUniform(t *testing.T) {
	const population, n, rounds = 20, 5, 20_000
	random := rand.New(rand.NewPCG(3, 4))
	var chosen [population]int
	all := func(yield func(int) bool) {
		for i := range population {
			if !yield(i) {
				return
			}
		}
	}
	for range rounds {
		picked := 0
		choose(random, population, n, all, func(i int) { chosen[i]++; picked++ })
		if picked != n {
			t.Fatalf("chosen objects = %d, want %d", picked, n)
		}
	}
	for i, count := range chosen {
		if want := rounds * n / population; math.Abs(float64(count-want)) > 0.06*float64(want) {
			t.Errorf("object %d was chosen %d times, want about %d", i, count, want)
		}
	}
}
