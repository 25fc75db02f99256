package audit

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// outcomeError maps the outcome of the report to the exit code.
func outcomeError(r *v1alpha1.AuditReport) error {
	s := r.Summary
	switch s.Outcome {
	case v1alpha1.OutcomeFinding:
		found := output.Count(s.Findings, "finding")
		if r.Changes != nil && len(r.Changes.Regressions) > 0 {
			found += ", " + output.Count(len(r.Changes.Regressions), "regression")
		}
		return cmdutil.WithCode(cmdutil.ExitFinding, errors.New(found))
	case v1alpha1.OutcomeCannotTell:
		return cmdutil.WithCode(cmdutil.ExitUnknown, incomplete(r))
	}
	return nil
}

// incomplete returns an error that names what makes the audit incomplete.
func incomplete(r *v1alpha1.AuditReport) error {
	var parts []string
	add := func(n int, noun, what string) {
		if n > 0 {
			parts = append(parts, output.Count(n, noun)+" "+what)
		}
	}
	add(r.Summary.Undecided, "control", "undecided")
	add(len(encryption.NotWaived(r.Unreachable)), "region or account", "unreachable")
	if c := r.Changes; c != nil {
		add(len(c.LostSight), "cluster", "of the earlier report not visible")
		add(len(c.LostPlaces), "region or account", "of the earlier report no longer in the scope")
		add(len(fleet.UnreadKeys(r)), "key", "of the earlier report no longer readable")
	}
	switch {
	case len(parts) > 0:
		return errors.New("incomplete audit: " + strings.Join(parts, ", "))
	case r.Summary.NotEKS > 0 && r.Summary.Clusters == 0:
		return fmt.Errorf("no EKS cluster was found, so nothing was audited: %s of something else",
			output.Count(r.Summary.NotEKS, "context"))
	case r.Summary.Clusters > 0:
		return errors.New("EKS is creating or deleting every cluster that was found, so nothing was audited")
	}
	return hint.New("no cluster was found, so nothing was audited",
		"check --regions, --accounts, --cluster-name and --tag, and what is excluded")
}

// attention returns what the owners of the waivers should look at, and what was waived since the earlier report.
func attention(r *v1alpha1.AuditReport) []string {
	notes := fleet.WaiverNotes(r)
	if r.Changes == nil {
		return notes
	}
	for _, w := range r.Changes.Waived {
		what := w.Place
		if what == "" {
			what = fmt.Sprintf("%s %s of %s", w.Severity, w.Control, cmp.Or(w.Name, w.Cluster))
			if w.Account != "" || w.Region != "" {
				what += fmt.Sprintf(" (%s/%s)", w.Account, w.Region)
			}
		}
		note := fmt.Sprintf("newly waived by %s: %s", w.Owner, what)
		if w.Expires != nil {
			note += ", until " + w.Expires.UTC().Format("2006-01-02")
		}
		notes = append(notes, note)
	}
	return notes
}
