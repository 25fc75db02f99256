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
	return history, checkEarlier(history, time.Now())
}

func checkEarlier(h *fleet.History, now time.Time) error {
	if err := h.Check(now); err != nil {
		return cmdutil.UsageErrorf("--compare: %w", err)
	}
	return nil
}

// compareWithEarlier adds the changes since the latest earlier report, the trend, and the outcome that --fail-on
// requests. It does nothing without --compare.
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
