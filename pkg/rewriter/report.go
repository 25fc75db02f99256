package rewriter

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// maxFailures is how many failures a report lists. It counts all of them.
const maxFailures = 10_000

// resourceSummary is the outcome of the run of one resource.
type resourceSummary struct {
	v1alpha1.ResourceCoverage
	name         string
	unstable     int64
	contradicted int64
	stopped      bool // the run ended early
	partial      bool // some objects could not be listed
}

// summary counts the objects. The total is always current + rewritten + gone +
// unproven + failed, because every object is in exactly one state.
func (r *run) summary(err error) resourceSummary {
	n := func(s state) int64 { return r.counts[s].Load() }
	s := resourceSummary{
		name: r.resource.String(), stopped: err != nil, partial: r.partial.Load(), unstable: n(unstable),
		contradicted: r.control.contradicted,
	}
	s.ResourceCoverage = v1alpha1.ResourceCoverage{
		Group: r.resource.Group, Resource: r.resource.Resource, Stale: r.control.passed + r.stale,
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

// total is the sum over all resources, and what the API servers showed.
type total struct {
	resourceSummary
	options   *Options
	resources []resourceSummary

	servers       *v1alpha1.CoverageServers
	agreement     v1alpha1.CoverageAgreement
	allBefore     bool // every live API server was compared before the first write
	reachedBefore bool // every live API server was reached before the first object was judged
	covered       bool // every live API server took part at the end
	changed       bool // an API server may have written with another key during the run
	takenBack     bool // what was counted by metrics
	recorded      bool // their write key is that of a run that showed that it is this key
	control       v1alpha1.CoverageControl
}

func newTotal(o *Options) total {
	t := total{options: o, resourceSummary: resourceSummary{partial: o.Partial, stopped: true}}
	if writes(o.Method) {
		t.control = v1alpha1.ControlNone
	}
	return t
}

// add adds the summary of one resource.
func (t *total) add(r resourceSummary) {
	t.resources = append(t.resources, r)
	t.Total += r.Total
	t.Current += r.Current
	t.Rewritten += r.Rewritten
	t.Stale += r.Stale
	t.Gone += r.Gone
	t.Unproven += r.Unproven
	t.Failed += r.Failed
	t.unstable += r.unstable
	t.contradicted += r.contradicted
	t.partial = t.partial || r.partial
	t.stopped = len(t.resources) < len(t.options.Resources) ||
		slices.ContainsFunc(t.resources, func(r resourceSummary) bool { return r.stopped })
	if writes(t.options.Method) {
		switch {
		case t.contradicted > 0:
			t.control = v1alpha1.ControlContradicted
		case t.Stale > 0:
			t.control = v1alpha1.ControlPassed
		}
	}
}

// takeBack makes the objects unproven that were counted under the key of the start, because it is not known to
// be that of the end.
func (t *total) takeBack(report *v1alpha1.CoverageReport) {
	t.takenBack = true
	for i := range report.Resources {
		r := &report.Resources[i]
		r.Unproven, r.Current, r.Stale = r.Unproven+r.Current, 0, 0
	}
	t.Unproven, t.Current, t.Stale = t.Unproven+t.Current, 0, 0
}

// withdrawControl ignores the positive control, because of err.
func (t *total) withdrawControl(report *v1alpha1.CoverageReport, err error) {
	t.control, t.Stale = v1alpha1.ControlNone, 0
	for i := range report.Resources {
		report.Resources[i].Stale = 0
	}
	report.Notes = append(report.Notes, "no object counts as stale: "+err.Error())
}

func (t *total) incomplete() bool { return t.stopped || t.partial || t.Failed > 0 }

// agreed reports whether every live API server took part, and all agreed.
func (t *total) agreed() bool {
	return t.allBefore && t.covered && !t.changed && !t.stopped && t.contradicted == 0 &&
		t.agreement.Before == v1alpha1.Agree && t.agreement.After == v1alpha1.Agree && t.keyShown()
}

// bounded reports whether a sample bounds the number of stale objects.
func (t *total) bounded() bool {
	return sampling(t.options.Method) && t.Rewritten == 0 && t.Current > 0 && t.unstable == 0 && !t.incomplete() &&
		t.agreed()
}

// keyShown reports whether the servers themselves show that the key is the one that EKS
// reports: they name it, or an object of an older key was stale for them, now or in the
// run that recorded the key. The AWS-owned key has no ARN to compare with.
func (t *total) keyShown() bool {
	return t.options.KeyARN == "" || t.control == v1alpha1.ControlPassed || t.recorded ||
		t.servers != nil && t.servers.WriteKey == v1alpha1.WriteKeyMatchesARN
}

func (t *total) verdict() v1alpha1.CoverageVerdict {
	switch t.options.Method {
	case v1alpha1.MethodReadOnly:
		return readOnlyVerdict(t)
	case v1alpha1.MethodMetrics:
		return metricsVerdict(t)
	}
	switch {
	case t.contradicted > 0:
		return v1alpha1.CoverageContradicted
	case t.agreement.Before == v1alpha1.Disagree || t.agreement.After == v1alpha1.Disagree:
		return v1alpha1.CoverageNotProven
	case sampling(t.options.Method) && t.Stale > 0 && (t.Unproven > 0 || t.incomplete()):
		return v1alpha1.CoverageStale // a finding, even if the sample is incomplete
	case t.incomplete():
		return v1alpha1.CoverageIncomplete
	case t.Unproven == 0 && (t.Total == t.Gone || t.agreed()):
		return v1alpha1.CoverageProven
	}
	return v1alpha1.CoverageNotProven
}

// why returns the reason why the answers of the API servers prove nothing; empty if they
// do.
func (t *total) why() string {
	s := t.servers
	switch {
	case s == nil:
		return ""
	case t.takenBack && !t.changed:
		return "the run ended before the API servers named their write key again"
	case t.agreement.Before == v1alpha1.Disagree || t.agreement.After == v1alpha1.Disagree:
		return "the API servers disagree about the write key, or it changed during the run; wait for EKS and run it again"
	case s.Live == 0:
		return fmt.Sprintf("it is unknown how many API servers there are (%s)", s.Reason)
	case !t.covered && s.Live == s.Reached:
		return s.Reason
	case !t.covered:
		return fmt.Sprintf("only %d of %d API servers were reached (%s)", s.Reached, s.Live, s.Reason)
	case t.options.Method != v1alpha1.MethodMetrics && t.agreement.Before != v1alpha1.Agree:
		return "no object could be compared on all API servers before the first write"
	case t.options.Method != v1alpha1.MethodMetrics && t.agreement.After != v1alpha1.Agree:
		return "no object could be compared on all API servers at the end"
	case t.options.Method != v1alpha1.MethodMetrics && !t.allBefore:
		return "not every API server was compared before the first write; run it again"
	case t.options.Method == v1alpha1.MethodMetrics && !t.reachedBefore:
		return "not every API server was reached before the first read; run it again"
	case t.changed:
		return "an API server may have been started, or have written with another key, during the run; run it again"
	case !t.keyShown() && s.WriteKey == v1alpha1.WriteKeyUnrecognized:
		return "the API servers name a write key whose id is not the ARN, and no object shows that it is the new key"
	case !t.keyShown():
		return "nothing shows that the write key of the API servers is this key: their metrics are not readable or name " +
			"none, and no object from before the association was written"
	}
	return ""
}

// sampling reports whether the method examines only a sample.
func sampling(m v1alpha1.CoverageMethod) bool {
	return m == v1alpha1.MethodSample || m == v1alpha1.MethodMigrator
}

// objectsName names the objects of the run, with the namespace and labels that limit it.
func (t *total) objectsName() string {
	s := fmt.Sprintf("objects of %d resources", len(t.resources))
	if len(t.resources) == 1 {
		s = t.resources[0].name
	}
	if t.options.Selector != "" {
		s += fmt.Sprintf(" with labels %s", t.options.Selector)
	}
	if t.options.Namespace != "" {
		s += fmt.Sprintf(" in namespace %s", t.options.Namespace)
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

// percentage returns a percentage, rounded up, in words.
func percentage(part, whole int64) string {
	tenths := 1000*part/whole + 1
	if tenths%10 == 0 {
		return fmt.Sprintf("fewer than %d %%", tenths/10)
	}
	return fmt.Sprintf("fewer than %d.%d %%", tenths/10, tenths%10)
}

// serversText names the API servers that agreed, as the subject of a sentence.
func (t *total) serversText() string {
	if t.servers.Live == 1 {
		return "The API server"
	}
	return fmt.Sprintf("All %d API servers", t.servers.Live)
}

// reason returns a clause for a statement that proves nothing.
func (t *total) reason() string { return cmp.Or(t.why(), "not every object is proven") }
