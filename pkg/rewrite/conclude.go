package rewrite

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// conclude sums up the tallies of a run over as many resources as were wanted:
// a verdict, and a statement that says what was established and no more.
func conclude(method v1alpha1.CoverageMethod, keyARN string, tallies []tally, wanted int) (v1alpha1.CoverageVerdict, string) {
	var sum tally
	stopped := len(tallies) < wanted
	for _, t := range tallies {
		sum.Total += t.Total
		sum.Current += t.Current
		sum.Rewritten += t.Rewritten
		sum.Gone += t.Gone
		sum.Unproven += t.Unproven
		sum.Failed += t.Failed
		sum.restless += t.restless
		sum.byRecord = sum.byRecord || t.byRecord
		stopped = stopped || t.stopped
		sum.partial = sum.partial || t.partial
	}
	c := conclusion{method: method, key: keyName(keyARN), things: things(tallies), tally: sum, stopped: stopped}
	verdict := c.verdict()
	return verdict, c.statement(verdict)
}

// conclusion is what verdict and statement are drawn from.
type conclusion struct {
	method  v1alpha1.CoverageMethod
	key     string
	things  string
	stopped bool
	tally
}

func (c *conclusion) verdict() v1alpha1.CoverageVerdict {
	switch {
	case c.stopped || c.partial || c.Failed > 0:
		return v1alpha1.CoverageIncomplete
	case c.Unproven == 0:
		return v1alpha1.CoverageProven
	case sampling(c.method) && c.Rewritten > 0:
		return v1alpha1.CoverageStale
	}
	return v1alpha1.CoverageNotProven
}

func (c *conclusion) statement(verdict v1alpha1.CoverageVerdict) string {
	existing := c.Total - c.Gone
	proven := c.Current + c.Rewritten
	var s strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&s, format, args...) }
	switch {
	case c.method == v1alpha1.MethodReadOnly:
		switch {
		case existing == 0 && !c.stopped:
			say("There are no %s.", c.things)
		case verdict == v1alpha1.CoverageProven:
			say("All %d %s were written or proven under %s, going by the record in ConfigMap %s.", existing, c.things, c.key, recordName)
		case proven == 0:
			say("None of %d %s is proven to be under %s, for reading alone cannot show it: they may be under it or under an older key.", existing, c.things, c.key)
		default:
			say("%d of %d %s were written or proven under %s, going by the record in ConfigMap %s; the other %d may be under it or under an older key.",
				proven, existing, c.things, c.key, recordName, existing-proven)
		}
	case existing == 0 && verdict == v1alpha1.CoverageProven:
		say("There are no %s.", c.things)
	case verdict == v1alpha1.CoverageProven:
		say("All %d %s are proven to be under %s: the storage refused or took a write that changes nothing for each of them.", existing, c.things, c.key)
	case sampling(c.method):
		c.sample(say, proven, existing)
	default:
		say("%d of %d %s are proven to be under %s; the others are not.", proven, existing, c.things, c.key)
	}
	if c.method != v1alpha1.MethodReadOnly && c.Rewritten > 0 {
		say(" %s not under it when the run began and %s now.", counted(c.Rewritten, "was", "were"), form(c.Rewritten, "is", "are"))
	}
	if c.Failed > 0 {
		say(" %s not be examined, see the failures.", counted(c.Failed, "could", "could"))
	}
	if c.restless > 0 {
		say(" %s with every write, so nothing can be told of %s.", counted(c.restless, "changes", "change"), form(c.restless, "it", "them"))
	}
	if c.stopped {
		say(" The run stopped before its end.")
	}
	return s.String()
}

// sample says what a sample tells of the whole.
func (c *conclusion) sample(say func(string, ...any), proven, existing int64) {
	switch {
	case c.Rewritten > 0:
		say("%d of %d %s drawn at random were not under %s, so others may not be either; run rewrite.", c.Rewritten, proven, c.things, c.key)
	case c.stopped || c.partial || c.Failed > 0 || c.restless > 0 || proven == 0:
		// A sample with holes in it is no random one; it gives no bound.
		say("%d of %d %s are proven to be under %s; the others are not.", proven, existing, c.things, c.key)
	default:
		most := mostStale(existing, proven)
		say("0 of %d %s drawn at random were stale under %s: at 95 %% confidence at most %d of %d are (%s).",
			proven, c.things, c.key, most, existing, share(most, existing))
	}
}

// share is a rounded-up percentage, in words.
func share(part, whole int64) string {
	tenths := 1000*part/whole + 1
	if tenths%10 == 0 {
		return fmt.Sprintf("fewer than %d %%", tenths/10)
	}
	return fmt.Sprintf("fewer than %d.%d %%", tenths/10, tenths%10)
}

func things(tallies []tally) string {
	if len(tallies) == 1 {
		return tallies[0].name
	}
	return fmt.Sprintf("objects of %d resources", len(tallies))
}

func keyName(arn string) string {
	if arn == "" {
		return "the current write key"
	}
	return "the current write key (" + arn + ", by the word of EKS)"
}

func counted(n int64, one, many string) string { return fmt.Sprintf("%d %s", n, form(n, one, many)) }

func form(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// sampling tells the methods that examine a sample.
func sampling(m v1alpha1.CoverageMethod) bool {
	return m == v1alpha1.MethodSample || m == v1alpha1.MethodMigrator
}
