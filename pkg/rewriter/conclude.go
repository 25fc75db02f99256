package rewriter

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// conclude sums up the tallies of a run: a verdict, and a statement that says what
// was established and no more.
func conclude(o *Options, tallies []tally) (v1alpha1.CoverageVerdict, string) {
	c := conclusion{method: o.Method, key: keyName(o.KeyARN), things: things(o, tallies), tallies: tallies}
	c.stopped = len(tallies) < len(o.Resources)
	for _, t := range tallies {
		c.Total += t.Total
		c.Current += t.Current
		c.Rewritten += t.Rewritten
		c.Gone += t.Gone
		c.Unproven += t.Unproven
		c.Failed += t.Failed
		c.restless += t.restless
		c.stopped = c.stopped || t.stopped
		c.partial = c.partial || t.partial
	}
	verdict := c.verdict()
	return verdict, c.statement(verdict)
}

// conclusion is what verdict and statement are drawn from: the sum of the tallies.
type conclusion struct {
	method  v1alpha1.CoverageMethod
	key     string
	things  string
	tallies []tally
	tally
}

func (c *conclusion) verdict() v1alpha1.CoverageVerdict {
	holes := c.stopped || c.partial || c.Failed > 0
	switch {
	case sampling(c.method) && c.Rewritten > 0 && (c.Unproven > 0 || holes):
		return v1alpha1.CoverageStale // whatever else there is, this is a finding
	case holes:
		return v1alpha1.CoverageIncomplete
	case c.Unproven == 0:
		return v1alpha1.CoverageProven
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
		say(" %s written anew and %s under it now; before, %s not, unless an admission webhook changed %s on the way.",
			counted(c.Rewritten, "was", "were"), form(c.Rewritten, "is", "are"), form(c.Rewritten, "it was", "they were"), form(c.Rewritten, "it", "them"))
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
		say("0 of %d %s drawn at random were stale under %s: at 95 %% confidence ", proven, c.things, c.key)
		// Samples of unlike populations can't be pooled, so each has its own bound.
		var most, of int64
		for _, t := range c.tallies {
			population := t.Total - t.Gone
			if population == 0 {
				continue
			}
			if m := mostStale(population, t.Current); of == 0 || m*of > most*population {
				most, of = m, population
			}
		}
		if len(c.tallies) == 1 {
			say("at most %d of %d are (%s).", most, of, share(most, of))
		} else {
			say("%s of any one of these resources are.", share(most, of))
		}
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

// things is what was looked at, as narrow as it was.
func things(o *Options, tallies []tally) string {
	s := fmt.Sprintf("objects of %d resources", len(tallies))
	if len(tallies) == 1 {
		s = tallies[0].name
	}
	if o.Selector != "" {
		s += fmt.Sprintf(" with labels %s", o.Selector)
	}
	if o.Namespace != "" {
		s += fmt.Sprintf(" in namespace %s", o.Namespace)
	}
	return s
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
