package rewriter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// maxFailures is how many failures a report lists. It counts all of them.
const maxFailures = 10_000

// webhookNote qualifies the count of rewritten objects.
const webhookNote = "rewritten objects were not encrypted with the current write key before, " +
	"unless an admission webhook changed them during the write"

// resourceSummary is the outcome of the run of one resource.
type resourceSummary struct {
	v1alpha1.ResourceCoverage
	name     string
	unstable int64
	stopped  bool // the run ended early
	partial  bool // some objects could not be listed
}

// summary counts the objects. The total is always current + rewritten + gone +
// unproven + failed, because every object is in exactly one state.
func (r *run) summary(err error) resourceSummary {
	n := func(s state) int64 { return r.counts[s].Load() }
	s := resourceSummary{name: r.resource.String(), stopped: err != nil, partial: r.partial, unstable: n(unstable)}
	s.ResourceCoverage = v1alpha1.ResourceCoverage{
		Group: r.resource.Group, Resource: r.resource.Resource,
		Current: n(current), Rewritten: n(rewritten) + n(toRecheck), Gone: n(gone),
		Unproven: n(pending) + n(unexamined) + n(unstable), Failed: n(deferred) + n(failed),
	}
	s.Total = s.Current + s.Rewritten + s.Gone + s.Unproven + s.Failed
	for _, i := range slices.Sorted(maps.Keys(r.failures)) {
		if state := r.inventory.objects[i].state; state != deferred && state != failed {
			continue
		}
		if len(s.Failures) == maxFailures {
			break
		}
		s.Failures = append(s.Failures, r.failures[i])
	}
	return s
}

// summarize returns the verdict of a run and the statement that explains it. The
// statement claims only what was established.
func summarize(o *Options, resources []resourceSummary) (v1alpha1.CoverageVerdict, string) {
	t := total{method: o.Method, key: keyName(o.KeyARN), objects: objectsName(o, resources), resources: resources}
	t.stopped = len(resources) < len(o.Resources)
	for _, r := range resources {
		t.Total += r.Total
		t.Current += r.Current
		t.Rewritten += r.Rewritten
		t.Gone += r.Gone
		t.Unproven += r.Unproven
		t.Failed += r.Failed
		t.unstable += r.unstable
		t.stopped = t.stopped || r.stopped
		t.partial = t.partial || r.partial
	}
	verdict := t.verdict()
	return verdict, t.statement(verdict)
}

// total is the sum over all resources.
type total struct {
	method    v1alpha1.CoverageMethod
	key       string
	objects   string
	resources []resourceSummary
	resourceSummary
}

func (t *total) verdict() v1alpha1.CoverageVerdict {
	incomplete := t.stopped || t.partial || t.Failed > 0
	switch {
	case sampling(t.method) && t.Rewritten > 0 && (t.Unproven > 0 || incomplete):
		return v1alpha1.CoverageStale // a finding, even if the sample is incomplete
	case incomplete:
		return v1alpha1.CoverageIncomplete
	case t.Unproven == 0:
		return v1alpha1.CoverageProven
	}
	return v1alpha1.CoverageNotProven
}

func (t *total) statement(verdict v1alpha1.CoverageVerdict) string {
	existing := t.Total - t.Gone
	proven := t.Current + t.Rewritten
	var s strings.Builder
	printf := func(format string, args ...any) { fmt.Fprintf(&s, format, args...) }
	switch {
	case existing == 0 && (verdict == v1alpha1.CoverageProven || t.method == v1alpha1.MethodReadOnly && !t.stopped):
		printf("There are no %s.", t.objects)
	case t.method == v1alpha1.MethodReadOnly && verdict == v1alpha1.CoverageProven:
		printf("All %d %s are encrypted with %s, according to the record in ConfigMap %s.",
			existing, t.objects, t.key, recordName)
	case t.method == v1alpha1.MethodReadOnly && proven == 0:
		printf("Could not verify that any of %d %s is encrypted with %s: "+
			"reading alone cannot show which key an object is encrypted with.", existing, t.objects, t.key)
	case t.method == v1alpha1.MethodReadOnly:
		printf("%d of %d %s are encrypted with %s, according to the record in ConfigMap %s. "+
			"The other %d may be encrypted with it or with an older key.",
			proven, existing, t.objects, t.key, recordName, existing-proven)
	case verdict == v1alpha1.CoverageProven:
		printf("All %d %s are encrypted with %s, verified by one no-op write per object.", existing, t.objects, t.key)
	case sampling(t.method):
		t.sampleStatement(printf, proven, existing)
	default:
		printf("%d of %d %s are proven to be encrypted with %s; the others are not proven.",
			proven, existing, t.objects, t.key)
	}
	if t.method != v1alpha1.MethodReadOnly && t.Rewritten > 0 {
		printf(" %s re-encrypted by this run.", count(t.Rewritten, "was", "were"))
	}
	if t.Failed > 0 {
		printf(" %d could not be examined; see the failures.", t.Failed)
	}
	if t.unstable > 0 {
		printf(" %s on every write, so the key could not be determined.", count(t.unstable, "changes", "change"))
	}
	if t.stopped {
		printf(" The run stopped early.")
	}
	return s.String()
}

// sampleStatement prints what a sample shows about all objects.
func (t *total) sampleStatement(printf func(string, ...any), proven, existing int64) {
	switch {
	case t.Rewritten > 0:
		printf("%d of %d %s drawn at random were not encrypted with %s, so others may not be either; run rewrite.",
			t.Rewritten, proven, t.objects, t.key)
	case t.stopped || t.partial || t.Failed > 0 || t.unstable > 0 || proven == 0:
		// An incomplete sample is not random, so it gives no bound.
		printf("%d of %d %s are proven to be encrypted with %s; the others are not proven.",
			proven, existing, t.objects, t.key)
	default:
		printf("0 of %d %s drawn at random were stale: they are encrypted with %s. With 95 %% confidence, ",
			proven, t.objects, t.key)
		// Samples of different populations cannot be combined, so each has its own bound.
		var stale, population int64
		for _, r := range t.resources {
			n := r.Total - r.Gone
			if n == 0 {
				continue
			}
			if m := maxStale(n, r.Current); population == 0 || m*population > stale*n {
				stale, population = m, n
			}
		}
		if len(t.resources) == 1 {
			printf("at most %d of %d are stale (%s).", stale, population, percentage(stale, population))
		} else {
			printf("%s of the objects of each resource are stale.", percentage(stale, population))
		}
	}
}

// percentage returns a percentage, rounded up, in words.
func percentage(part, whole int64) string {
	tenths := 1000*part/whole + 1
	if tenths%10 == 0 {
		return fmt.Sprintf("fewer than %d %%", tenths/10)
	}
	return fmt.Sprintf("fewer than %d.%d %%", tenths/10, tenths%10)
}

// objectsName names the objects of the run, with the namespace and labels that limit it.
func objectsName(o *Options, resources []resourceSummary) string {
	s := fmt.Sprintf("objects of %d resources", len(resources))
	if len(resources) == 1 {
		s = resources[0].name
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
	return "the current write key (" + arn + ", as reported by EKS)"
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sampling reports whether the method examines only a sample.
func sampling(m v1alpha1.CoverageMethod) bool {
	return m == v1alpha1.MethodSample || m == v1alpha1.MethodMigrator
}
