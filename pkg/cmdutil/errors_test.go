package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestReportError checks the exit code and the output for each kind of error.
func TestReportError(t *testing.T) {
	failed := errors.New("kms CreateKey failed")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		err    error
		code   int
		output string
	}{
		"success":        {t.Context(), nil, ExitOK, ""},
		"error of cobra": {t.Context(), failed, ExitUsage, "error: kms CreateKey failed\nhint: see 'plugin --help'\n"},
		"usage": {t.Context(), UsageErrorf("no %s", "KEY"), ExitUsage,
			"error: no KEY\nhint: see 'plugin --help'\n"},
		"code": {t.Context(), WithCode(ExitFinding, failed), ExitFinding, "error: kms CreateKey failed\n"},
		"hint": {t.Context(), WithCode(ExitUnknown, hint.Wrap(failed, "try again")), ExitUnknown,
			"error: kms CreateKey failed\nhint: try again\n"},
		"wrapped hint": {t.Context(), WithCode(ExitFailed, fmt.Errorf("create: %w", hint.Wrap(failed, "try again"))),
			ExitFailed, "error: create: kms CreateKey failed\nhint: try again\n"},
		"interrupted": {canceled, WithCode(ExitFailed, fmt.Errorf("list: %w", context.Canceled)), ExitInterrupted,
			"error: interrupted\n"},
		"interrupted, hint": {canceled, WithCode(ExitFailed, hint.New("interrupted", "run it again")), ExitInterrupted,
			"error: interrupted\nhint: run it again\n"},
		"own timeout": {canceled, WithCode(ExitTimeout, failed), ExitTimeout, "error: kms CreateKey failed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var output strings.Builder
			code := ReportError(test.ctx, &output, &cobra.Command{Use: "plugin"}, test.err)
			if code != test.code || output.String() != test.output {
				t.Errorf("ReportError = %d, %q, want %d, %q", code, output.String(), test.code, test.output)
			}
		})
	}
}

// TestDefaultCodes checks the exit code of an error without one, for checks and actions.
func TestDefaultCodes(t *testing.T) {
	fail := func(err error) RunE { return func(*cobra.Command, []string) error { return err } }
	for name, test := range map[string]struct {
		run  RunE
		code int
	}{
		"check":           {Check(fail(errors.New("x"))), ExitNotRun},
		"action":          {Action(fail(errors.New("x"))), ExitFailed},
		"check with code": {Check(fail(WithCode(ExitUnknown, errors.New("x")))), ExitUnknown},
		"action, usage":   {Action(fail(UsageErrorf("x"))), ExitUsage},
		"success":         {Check(fail(nil)), ExitOK},
	} {
		cmd := &cobra.Command{Use: "plugin"}
		if code := ReportError(t.Context(), &strings.Builder{}, cmd, test.run(cmd, nil)); code != test.code {
			t.Errorf("%s: exit code = %d, want %d", name, code, test.code)
		}
	}
}

// TestWarn checks that a warning keeps the hint of a wrapped error.
func TestWarn(t *testing.T) {
	var output strings.Builder
	f := NewFactory(genericiooptions.IOStreams{ErrOut: &output}, "v1")
	f.Warn(fmt.Errorf("refused: %w", hint.New("an update is in progress", "wait for it")))
	if want := "warning: refused: an update is in progress\nhint: wait for it\n"; output.String() != want {
		t.Errorf("Warn printed %q, want %q", output.String(), want)
	}
}
