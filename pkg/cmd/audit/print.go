package audit

import (
	"fmt"
	"io"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// print writes the report to stdout.
func (o *options) print(r *v1alpha1.AuditReport) error {
	f := o.factory
	if f.Format.ForPeople() {
		return auditText(f.Out, r, f.Colour(), f.Format.Wide())
	}
	return writeReport(f.Out, f.Format, r, o.formats)
}

// warnOmitted names the number of results that a format cannot hold.
func (o *options) warnOmitted(format string, r *v1alpha1.AuditReport) {
	if n := report.Omitted(format, r); n > 0 {
		fmt.Fprintf(o.factory.ErrOut, "%s: %s without an account or a region left out\n", format, output.Count(n, "result"))
	}
}

// writeReport writes the report in any format, without colour.
func writeReport(w io.Writer, f output.Format, r *v1alpha1.AuditReport, o report.Options) error {
	switch {
	case isReportFormat(f.String()):
		return report.Write(w, f.String(), r, o)
	case f.String() == "table" || f.Wide():
		return auditText(w, r, output.Colour{}, f.Wide())
	}
	return f.Print(w, r)
}

// auditText writes the report for people, with its origin. The table leaves out what its other lines contain.
func auditText(w io.Writer, r *v1alpha1.AuditReport, c output.Colour, wide bool) error {
	if err := output.AuditText(w, r, c, wide); err != nil {
		return err
	}
	var facts []output.Fact
	for _, f := range report.Origin(r) {
		if wide || !slices.Contains([]string{"caller_account", "credentials", "started", "controls"}, f.Key) {
			facts = append(facts, output.Fact{Name: f.Name, Value: f.Value})
		}
	}
	return output.AuditOrigin(w, facts...)
}
