package attest

import (
	"errors"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// checkCoverage checks the counts of a coverage report, and that its verdict claims nothing
// that they do not show.
func checkCoverage(r *v1alpha1.CoverageReport) error {
	var sum v1alpha1.ResourceCoverage
	seen := map[string]bool{}
	for i := range r.Resources {
		c := &r.Resources[i]
		name := c.Resource + "." + c.Group
		if seen[name] {
			return fmt.Errorf("%s is counted twice", c.Resource)
		}
		seen[name] = true
		if err := checkCounts(c); err != nil {
			return fmt.Errorf("%s: %w", c.Resource, err)
		}
		sum.Total += c.Total
		sum.Gone += c.Gone
		sum.Stale += c.Stale
		sum.Unproven += c.Unproven
		sum.Failed += c.Failed
	}
	if r.Guard != nil && r.Guard.Result != r.Cluster.Guard {
		return fmt.Errorf("the guard is both %s and %s", r.Guard.Result, r.Cluster.Guard)
	}
	return errors.Join(checkTimes(r.StartedAt, r.FinishedAt), checkVerdict(r, sum))
}

func checkCounts(c *v1alpha1.ResourceCoverage) error {
	for _, n := range []int64{c.Total, c.Current, c.Rewritten, c.Stale, c.Gone, c.Unproven, c.Failed} {
		if n < 0 {
			return errors.New("a count is negative")
		}
	}
	switch {
	case c.Total != c.Current+c.Rewritten+c.Gone+c.Unproven+c.Failed:
		return fmt.Errorf("the total %d is not %d current + %d rewritten + %d gone + %d unproven + %d failed", c.Total,
			c.Current, c.Rewritten, c.Gone, c.Unproven, c.Failed)
	case c.Stale > c.Total-c.Current:
		return fmt.Errorf("%d are stale, and only %d are not current", c.Stale, c.Total-c.Current)
	case int64(len(c.Failures)) > c.Failed:
		return fmt.Errorf("%d failures are listed, and %d are counted", len(c.Failures), c.Failed)
	}
	return nil
}

// checkVerdict returns an error if the verdict claims more than the counts, the agreement of
// the servers and the positive control show.
func checkVerdict(r *v1alpha1.CoverageReport, sum v1alpha1.ResourceCoverage) error {
	contradicted := r.Control == v1alpha1.ControlContradicted
	reason := ""
	switch r.Verdict {
	case v1alpha1.CoverageProven:
		reason = whyNotProven(r, sum)
	case v1alpha1.CoverageRecorded:
		switch {
		case sum.Unproven > 0 || sum.Failed > 0:
			reason = fmt.Sprintf("%d objects are unproven or failed", sum.Unproven+sum.Failed)
		case r.Method != v1alpha1.MethodReadOnly:
			reason = fmt.Sprintf("the method %s does not use the record", r.Method)
		}
	case v1alpha1.CoverageStale:
		if sum.Stale == 0 {
			reason = "no object is stale"
		}
	case v1alpha1.CoverageContradicted:
		if !contradicted {
			reason = "no control contradicts"
		}
	case v1alpha1.CoverageNotProven, v1alpha1.CoverageIncomplete: // claim nothing
		if contradicted {
			reason = "the control contradicts"
		}
	default:
		return fmt.Errorf("the verdict %q does not exist", r.Verdict)
	}
	if reason != "" {
		return fmt.Errorf("the verdict is %s, but %s", r.Verdict, reason)
	}
	return nil
}

// whyNotProven returns why a report cannot be Proven, or "".
func whyNotProven(r *v1alpha1.CoverageReport, sum v1alpha1.ResourceCoverage) string {
	a, s := r.Agreement, r.Servers
	writes := r.Method != v1alpha1.MethodReadOnly && r.Method != v1alpha1.MethodMetrics
	switch {
	case sum.Unproven > 0 || sum.Failed > 0:
		return fmt.Sprintf("%d objects are unproven or failed", sum.Unproven+sum.Failed)
	case r.Control == v1alpha1.ControlContradicted:
		return "the control contradicts"
	case a != nil && (a.Before == v1alpha1.Disagree || a.After == v1alpha1.Disagree):
		return "the API servers disagree"
	case r.Cluster.Guard != v1alpha1.GuardMatch:
		return "nothing proves which cluster it is"
	case sum.Total == sum.Gone: // there is nothing to prove
		return ""
	case r.Method == v1alpha1.MethodReadOnly:
		return "reading names proves nothing"
	case sum.Stale > 0 && !writes:
		return fmt.Sprintf("%d objects are stale", sum.Stale)
	case s == nil || s.Live == 0 || s.Reached < s.Live:
		return "not every API server was reached"
	case writes && (a == nil || a.Before != v1alpha1.Agree || a.After != v1alpha1.Agree):
		return "the API servers are not shown to agree"
	}
	return ""
}
