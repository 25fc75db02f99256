package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// Exit codes. Checks are status, verify and audit; actions are associate, rewrite
// and keys create.
const (
	ExitOK          = 0
	ExitFinding     = 1 // a check found a problem
	ExitFailed      = 1 // an action failed, fully or partly
	ExitUsage       = 2 // the command line is wrong
	ExitNotRun      = 2 // a check could not run
	ExitUnknown     = 3 // a check ran but could not decide
	ExitTimeout     = 124
	ExitInterrupted = 130
)

// codedError is an error with the exit code of the process.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// WithCode attaches an exit code to err, which must not be nil.
func WithCode(code int, err error) error { return &codedError{err, code} }

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// UsageErrorf returns an error for a mistake on the command line. ReportError adds
// the hint that names the command's help.
func UsageErrorf(format string, args ...any) error {
	return WithCode(ExitUsage, &usageError{fmt.Errorf(format, args...)})
}

// RunE is the signature of a command's function.
type RunE = func(cmd *cobra.Command, args []string) error

// Check returns the RunE of a command that answers a question. An error without an
// exit code means that the command could not run.
func Check(run RunE) RunE { return withDefaultCode(ExitNotRun, run) }

// Action returns the RunE of a command that changes something.
func Action(run RunE) RunE { return withDefaultCode(ExitFailed, run) }

func withDefaultCode(code int, run RunE) RunE {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var coded *codedError
		if err == nil || errors.As(err, &coded) {
			return err
		}
		return WithCode(code, err)
	}
}

// Interrupted reports whether err only means that the user interrupted the command.
func Interrupted(err error) bool { return errors.Is(err, context.Canceled) }

// ReportError prints err as "error: …", with its hint on a second line, and returns
// the exit code. cmd is the command that ran. No other function maps errors to exit
// codes.
func ReportError(ctx context.Context, w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return ExitOK
	}
	code := ExitUsage // errors of cobra itself concern the command line
	var coded *codedError
	if errors.As(err, &coded) {
		code = coded.code
	}
	next := hint.Of(err)
	if usage := new(usageError); coded == nil || errors.As(err, &usage) {
		next = fmt.Sprintf("see '%s --help'", cmd.CommandPath())
	}
	if ctx.Err() != nil && code != ExitTimeout {
		code = ExitInterrupted
		if Interrupted(err) && next == "" {
			err = errors.New("interrupted")
		}
	}
	printError(w, "error", err, next)
	return code
}

// Warn prints err and its hint to stderr as a warning.
func (f *Factory) Warn(err error) { printError(f.ErrOut, "warning", err, f.Qualify(hint.Of(err))) }

// printError wraps the text on a terminal. Further lines of an error are indented, so that
// a line break in a message of AWS cannot look like a hint.
func printError(w io.Writer, label string, err error, next string) {
	width, indent := output.Width(w), ""
	for line := range strings.Lines(label + ": " + strings.TrimSpace(err.Error())) {
		fmt.Fprintln(w, output.Wrap(line, indent, width))
		indent = "  "
	}
	if next != "" {
		fmt.Fprintln(w, output.Wrap("hint: "+next, "", width))
	}
}
