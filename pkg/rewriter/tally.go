package rewriter

import (
	"maps"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// listedFailures is how many failures a report names; it counts them all.
const listedFailures = 10_000

// tally is what the run of one resource came to.
type tally struct {
	v1alpha1.ResourceCoverage
	name     string
	examined int64 // objects whose stand was established by a write
	restless int64
	stopped  bool // before its end
	partial  bool // something could not be listed
	byRecord bool // proven by a record alone
	notes    []string
}

// tally adds up. The law of the report, total = current + rewritten + gone +
// unproven + failed, holds because every object is in exactly one state.
func (r *run) tally(err error) tally {
	n := func(s state) int64 { return r.counts[s].Load() }
	t := tally{name: r.resource.String(), stopped: err != nil, partial: r.partial, restless: n(restless), byRecord: r.byRecord, notes: r.notes}
	t.ResourceCoverage = v1alpha1.ResourceCoverage{
		Group: r.resource.Group, Resource: r.resource.Resource,
		Current: n(current), Rewritten: n(rewritten) + n(recheck), Gone: n(gone),
		Unproven: n(pending) + n(unexamined) + n(restless), Failed: n(aside) + n(failed),
	}
	t.Total = t.Current + t.Rewritten + t.Gone + t.Unproven + t.Failed
	if r.options.Method != v1alpha1.MethodReadOnly {
		t.examined = t.Current + t.Rewritten
	}
	for _, i := range slices.Sorted(maps.Keys(r.failures)) {
		if s := r.inventory.objects[i].state; s != aside && s != failed {
			continue
		}
		if len(t.Failures) == listedFailures {
			break
		}
		t.Failures = append(t.Failures, r.failures[i])
	}
	return t
}
