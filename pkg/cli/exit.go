package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes. Checks (status, verify, audit) and actions (associate, rewrite,
// keys create) share them, as far as they have the meaning.
const (
	exitOK           = 0
	exitFinding      = 1 // a check found something
	exitFailed       = 1 // an action failed, or did so in part
	exitUsage        = 2 // the command line is wrong
	exitNotRun       = 2 // a check could not run at all
	exitCannotTell   = 3 // a check ran and cannot tell
	exitTimeout      = 124
	exitInterrupted  = 130
	messagePrefix    = "error: "
	continuedPrefix  = "hint: "
	usageHintPattern = "see '%s --help'"
)

// exitError carries the exit code of a command. A nil err means that the output
// already says everything.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exit makes an error of a code; err may be nil where the output says it all.
func exit(code int, err error) error { return &exitError{code, err} }

// usage marks a mistake on the command line.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return exit(exitUsage, hinted(fmt.Errorf(format, args...), usageHintPattern, cmd.CommandPath()))
}

// check makes the RunE of a command that answers a question: an error without a
// code of its own means that it could not run.
func check(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return withDefault(exitNotRun, run)
}

// action makes the RunE of a command that changes something.
func action(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return withDefault(exitFailed, run)
}

func withDefault(code int, run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		var coded *exitError
		if err == nil || errors.As(err, &coded) {
			return err
		}
		return exit(code, err)
	}
}

// noArgs refuses arguments, as a usage error.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(cmd, "unexpected argument %q", args[0])
	}
	return nil
}

// atMostOne refuses a second argument.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(cmd, "unexpected argument %q: one is enough", args[1])
	}
	return nil
}

// hintError adds the next command to an error.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }
func (e *hintError) Hint() string  { return e.hint }

func hinted(err error, format string, args ...any) error {
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// reportError prints the error for people, and maps it to the exit code. This is the
// only place that does either.
func reportError(ctx context.Context, w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitUsage // cobra's own errors are all about the command line
	var coded *exitError
	if errors.As(err, &coded) {
		code = coded.code
		err = coded.err
	}
	if ctx.Err() != nil && code != exitTimeout {
		code = exitInterrupted
		if hint := (interface{ Hint() string })(nil); err == nil || errors.Is(err, context.Canceled) && !errors.As(err, &hint) {
			err = errors.New("interrupted")
		}
	}
	if err != nil {
		explain(w, err)
	}
	return code
}

// explain writes "error: …" and the hint, if the error or one that it wraps has
// one, on a line of its own.
func explain(w io.Writer, err error) {
	text := strings.TrimSpace(err.Error())
	fmt.Fprintln(w, messagePrefix+text)
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" && !strings.Contains(text, h.Hint()) {
		fmt.Fprintln(w, continuedPrefix+h.Hint())
	}
}
