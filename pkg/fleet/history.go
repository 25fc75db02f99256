package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
)

// clockMargin is how far the clocks of two machines may differ.
const clockMargin = 5 * time.Minute

// History holds earlier reports, each once: the latest whole, for Compare, and the numbers of all, for Trend.
type History struct {
	// Latest is the report that finished last, whatever the order of Add.
	Latest *v1alpha1.AuditReport

	latestName string
	audits     []audited
	names      map[string]string // by what identifies a report
}

// Add adds a report. name is for messages. It returns an error for a report that was added before, that is not
// complete, or whose place among the others is unknown.
func (h *History) Add(name string, r *v1alpha1.AuditReport) error {
	if err := checkComplete(r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a := summarize(r)
	id, err := json.Marshal([]any{a.point, a.report, r.Caller})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch other := h.names[string(id)]; {
	case other == name:
		return fmt.Errorf("%s is given twice", name)
	case other != "":
		return fmt.Errorf("%s is the same report as %s", name, other)
	case h.Latest != nil && a.time().IsZero():
		return fmt.Errorf("%s has no finishedAt, so its order among the other reports is unknown", name)
	case h.Latest != nil && finished(h.Latest).IsZero():
		return fmt.Errorf("%s has no finishedAt, so its order among the other reports is unknown", h.latestName)
	}
	if h.names == nil {
		h.names = map[string]string{}
	}
	h.names[string(id)] = name
	a.name = name
	h.audits = append(h.audits, a)
	if h.Latest == nil || a.time().After(finished(h.Latest)) {
		h.Latest, h.latestName = r, name
	}
	return nil
}

// Check returns an error if it is unknown which report is the latest, or if that one finished after the audit that it
// is compared with.
func (h *History) Check(now time.Time) error {
	latest := finished(h.Latest)
	for _, a := range h.audits {
		if a.name != h.latestName && a.time().Equal(latest) {
			return fmt.Errorf("%s and %s finished at the same time, so it is unknown which one is the latest",
				h.latestName, a.name)
		}
	}
	if latest.After(now.Add(clockMargin)) {
		return fmt.Errorf("%s is not an earlier report: it finished at %s, after this audit", h.latestName,
			clock.Minute(latest))
	}
	return nil
}

// checkComplete returns an error if the lists of a report do not have the lengths that its summary counts. A YAML file
// that was cut off is often still valid YAML.
func checkComplete(r *v1alpha1.AuditReport) error {
	s := r.Summary
	if s.Clusters+s.NotEKS != len(r.Items) || s.Findings != len(r.Findings) || s.Undecided != len(r.Undecided) ||
		s.Waived != len(r.Waived) || s.Unreachable > 0 && s.Unreachable != len(r.Unreachable) {
		return errors.New("the report is not complete: its lists and its summary count different numbers")
	}
	return nil
}
