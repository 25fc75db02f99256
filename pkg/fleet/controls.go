package fleet

import (
	"cmp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// evaluate sets the results that depend on the approved keys or the existing data. No control applies to a cluster that
// EKS is creating or deleting.
func (r *Rules) evaluate(report *v1alpha1.EncryptionReport, data Data) {
	report.Controls = slices.Clone(report.Controls)
	passing := encryption.Transition(report)
	for i := range report.Controls {
		switch c := &report.Controls[i]; {
		case passing != "":
			c.Result, c.Reason = v1alpha1.ResultNotApplicable, passing
		case c.ID == controlApproved && len(r.Approved) > 0:
			c.Result, c.Reason = r.approved(report)
		case c.ID == controlData && data.Coverage != nil:
			c.Result, c.Reason = dataCurrent(data.Coverage)
		case c.ID == controlData && data.Err != nil && c.Result == v1alpha1.ResultUnknown:
			c.Reason = notChecked + data.Err.Error()
		}
	}
}

func dataCurrent(c *v1alpha1.CoverageReport) (v1alpha1.Result, string) {
	switch c.Verdict {
	case v1alpha1.CoverageProven:
		return v1alpha1.ResultPass, c.Statement
	case v1alpha1.CoverageStale, v1alpha1.CoverageContradicted:
		return v1alpha1.ResultFail, c.Statement
	}
	return v1alpha1.ResultUnknown, c.Statement
}

// collect adds the failed and the unknown results of one cluster that affect the outcome
// to the findings, the waived findings or the undecided controls of the report.
func (r *Rules) collect(report *v1alpha1.EncryptionReport, out *v1alpha1.AuditReport) {
	cluster := identity(report)
	for _, c := range report.Controls {
		result, reason := effective(report, c)
		standards, concerned := r.evidence(c.ID, result, report.Key)
		if !slices.Contains(r.Controls, c.ID) || !concerned {
			continue
		}
		f := v1alpha1.Finding{
			Cluster: cluster, Name: report.Cluster.Name,
			Account: report.Cluster.Account, Region: report.Cluster.Region,
			Control: c.ID, Title: c.Name, Severity: severity(c.ID), Reason: reason, Standards: standards,
		}
		switch result {
		case v1alpha1.ResultUnknown:
			f.Remedy = undecidedRemedy(c.ID, reason, report)
			out.Undecided = append(out.Undecided, f)
		case v1alpha1.ResultFail:
			f.Remedy = remedy(c.ID, report)
			valid, expired := r.waiver(func(w *Waiver) bool { return w.covers(cluster, report.Cluster.Name, c.ID) })
			if valid != nil {
				out.Waived = append(out.Waived, valid.finding(&f))
				continue
			}
			if expired != nil {
				waived := expired.accepts(cluster, c.ID)
				f.ExpiredWaiver = &waived
			}
			out.Findings = append(out.Findings, f)
		}
	}
}

// effective returns the result of a control. A report on another cluster than that of the context decides nothing.
func effective(report *v1alpha1.EncryptionReport, c v1alpha1.Control) (v1alpha1.Result, string) {
	if report.Cluster.Guard == v1alpha1.GuardMismatch && c.Result != v1alpha1.ResultNotApplicable {
		return v1alpha1.ResultUnknown,
			"the report describes another cluster than the kube context: " + report.Cluster.GuardReason
	}
	return c.Result, c.Reason
}

// evidence returns the ids of the requirements that a result is evidence for or against, of all standards or of the one
// that the audit judges. concerned is false if that standard has requirements for the control, and none of them
// depends on this result.
func (r *Rules) evidence(control string, result v1alpha1.Result, key *v1alpha1.Key) (ids []string, concerned bool) {
	d := encryption.Definition(control)
	if r.Standard == "" {
		return d.EvidenceIDs(result, key), true
	}
	for _, s := range d.Evidence(result, key) {
		if s.Publication == r.Standard {
			ids = append(ids, s.ID)
		}
	}
	return ids, len(ids) > 0 || len(d.Of(r.Standard)) == 0
}

// waiver returns a waiver that covers a finding or place now, or else the one that expired last.
func (r *Rules) waiver(covers func(*Waiver) bool) (valid, expired *Waiver) {
	var latest time.Time
	for i := range r.Waivers {
		w := &r.Waivers[i]
		end, err := w.end()
		if err != nil || !covers(w) {
			continue
		}
		if r.Now.Before(end) {
			return w, nil
		}
		if end.After(latest) {
			latest, expired = end, w
		}
	}
	return nil, expired
}

// accepts returns what the waiver states about a finding.
func (w *Waiver) accepts(cluster, control string) v1alpha1.Waived {
	end, _ := w.end() // the caller has checked it
	last := metav1.NewTime(end.Add(-time.Second))
	return v1alpha1.Waived{Cluster: cluster, Control: control, Reason: w.Reason, Owner: w.Owner, Expires: &last}
}

// finding returns the waived finding, which keeps what the finding states.
func (w *Waiver) finding(f *v1alpha1.Finding) v1alpha1.Waived {
	waived := w.accepts(f.Cluster, f.Control)
	waived.Name, waived.Account, waived.Region = f.Name, f.Account, f.Region
	waived.Title, waived.Severity, waived.Finding, waived.Standards = f.Title, f.Severity, f.Reason, f.Standards
	return waived
}

// waivePlaces returns the unreachable places with the waivers that cover them now.
func (r *Rules) waivePlaces(places []v1alpha1.Unreachable) []v1alpha1.Unreachable {
	places = slices.Clone(places)
	for i := range places {
		u := &places[i]
		valid, _ := r.waiver(func(w *Waiver) bool { return w.Place != "" && matchesPlace(w.Place, *u) })
		if valid == nil {
			continue
		}
		waived := valid.accepts("", "")
		waived.Place, waived.Account, waived.Region = placeName(u.Account, u.Region), u.Account, u.Region
		waived.Finding = u.Reason
		u.Waiver = &waived
	}
	return places
}

// identity returns the ARN of the cluster, or else its kube context or name.
func identity(r *v1alpha1.EncryptionReport) string {
	return cmp.Or(r.Cluster.ARN, r.Cluster.Context, r.Cluster.Name)
}
