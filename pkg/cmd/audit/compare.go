package audit

import (
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// readEarlier reads the reports of --compare; nil without the flag.
func (o *options) readEarlier() (*fleet.History, error) {
	if len(o.compare) == 0 {
		return nil, nil //nolint:nilnil // there is no earlier report
	}
	history := &fleet.History{}
	for _, path := range o.compare {
		text, err := readReport(path, nil)
		if err != nil {
			return nil, cmdutil.UsageErrorf("--compare %s: %w", path, err)
		}
		r, err := fleet.ParseReport(text)
		if err != nil {
			return nil, cmdutil.UsageErrorf("--compare %s is not a report of audit -o json or yaml: %w", path, err)
		}
		if err := history.Add(path, r); err != nil {
			return nil, cmdutil.UsageErrorf("--compare: %w", err)
		}
	}
	return history, checkEarlier(history, o.observedAt(time.Now()))
}

// observedAt returns the time of the audit, as far as it is known before the audit: that of the reports of --from, or
// else now.
func (f *fromOptions) observedAt(now time.Time) time.Time {
	var last time.Time
	for _, r := range f.reports {
		if r.FinishedAt.After(last) {
			last = r.FinishedAt.Time
		}
	}
	if last.IsZero() {
		return now
	}
	return last
}

func checkEarlier(h *fleet.History, now time.Time) error {
	if err := h.Check(now); err != nil {
		return cmdutil.UsageErrorf("--compare: %w", err)
	}
	return nil
}

// compareWithEarlier adds the changes since the latest earlier report, the trend, and the outcome that --fail-on
// requests. It does nothing without --compare. It fails only if the clock was set back during the audit.
func (o *options) compareWithEarlier(r *v1alpha1.AuditReport) error {
	if o.earlier == nil {
		return nil
	}
	if r.FinishedAt != nil {
		if err := checkEarlier(o.earlier, r.FinishedAt.Time); err != nil {
			return err
		}
	}
	r.Changes, r.Trend = fleet.Compare(o.earlier.Latest, r), o.earlier.Trend(r)
	if o.failOn == failOnRegression {
		r.Summary.Outcome = fleet.CheckRegressions(r)
		r.Trend[len(r.Trend)-1].Outcome = r.Summary.Outcome
	}
	return nil
}
