package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// deliver prints and writes the report, and imports it if all of that succeeded. An audit may take an hour, so a step
// that fails does not prevent the others. The error decides the exit code. limited is the context that stopped the
// audit.
func (o *options) deliver(
	ctx, limited context.Context, files reportFiles, r *v1alpha1.AuditReport, stopped bool,
) error {
	notCompared := o.compareWithEarlier(r)
	failure := errors.Join(o.print(r), files.write(r, o.formats))
	o.printNotes(r, files)
	failure = errors.Join(failure, o.evidence.Write(ctx, o.factory, r))

	outcome := outcomeError(r)
	switch {
	case stopped:
		outcome = withFailure(o.partialError(limited, r), notCompared, true)
	case notCompared != nil:
		outcome = notCompared
	}
	switch {
	case o.importTo == "":
	case failure != nil:
		failure = fmt.Errorf("%w; nothing was imported into Security Hub", failure)
	default:
		failure = o.importAll(ctx, r)
	}
	return withFailure(outcome, failure, stopped || r.Summary.Outcome == v1alpha1.OutcomeFinding)
}

// withFailure joins the outcome of the audit, which may be nil, and a failure to write or import it. The exit code is
// that of the outcome if it is decisive: if there are findings, or if the audit was stopped. Otherwise it is that of
// the failure, because a pipeline may accept an incomplete audit, but it must notice that a report is missing.
func withFailure(outcome, failure error, decisive bool) error {
	switch {
	case failure == nil:
		return outcome
	case outcome == nil:
		return failure
	case decisive:
		return fmt.Errorf("%w; %w", outcome, failure)
	}
	return cmdutil.WithCode(cmdutil.ExitNotRun, fmt.Errorf("%w; %w", failure, outcome))
}

// printNotes prints what needs attention, and which files were written.
func (o *options) printNotes(r *v1alpha1.AuditReport, files reportFiles) {
	o.warnOmitted(o.factory.Format.String(), r)
	notes := attention(r)
	if age := o.ageNote(time.Now()); age != "" {
		notes = append(notes, age)
	}
	for _, note := range notes {
		o.note("note: %s", note)
	}
	for _, f := range files {
		if f.done {
			o.note("report written to %s", f.path)
			o.warnOmitted(f.format, r)
		}
	}
}

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
