package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
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
