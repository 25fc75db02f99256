package cmdutil

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestStderr checks that everything that reaches stderr is clean: errors with their hints, warnings, prompts and logs.
func TestStderr(t *testing.T) {
	const evil = "\x1b[2J\a\u202Ex http://u:pass@h\nhint: fake"
	const clean = "\uFFFD[2J\uFFFD\uFFFDx http://***@h"
	var stderr bytes.Buffer
	f := NewFactory(genericiooptions.IOStreams{
		In: strings.NewReader("answer\n"), Out: &bytes.Buffer{}, ErrOut: &stderr,
	}, "v1")
	addFlags := &cobra.Command{Use: "x"}
	f.AddFlags(addFlags.Flags())
	failure := hint.Wrap(errors.New(evil), "run %s", evil)
	for _, test := range []struct {
		name string
		do   func() error
		want string
	}{
		{"an error", func() error {
			ReportError(t.Context(), f.ErrOut, &cobra.Command{}, WithCode(ExitFailed, failure))
			return nil
		}, "error: " + clean + "\n  hint: fake\nhint: run " + clean + " hint: fake\n"},
		{"a warning", func() error { f.Warn(failure); return nil },
			"warning: " + clean + "\n  hint: fake\nhint: run " + clean + " hint: fake\n"},
		{"a prompt", func() error { _, err := f.Prompt(t.Context(), evil+"? "); return err }, clean + "\nhint: fake? "},
		{"any text", func() error { _, err := fmt.Fprint(f.ErrOut, evil); return err }, clean + "\nhint: fake"},
		{"a log", func() error { klog.ErrorS(nil, evil); klog.Info(evil); klog.Flush(); return nil }, "] " + clean},
	} {
		stderr.Reset()
		if err := test.do(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got := stderr.String(); !strings.Contains(got, test.want) || test.name != "a log" && got != test.want {
			t.Errorf("%s: stderr = %q, want %q", test.name, got, test.want)
		}
		if strings.ContainsAny(stderr.String(), "\x1b\a\u202E") || strings.Contains(stderr.String(), "pass") {
			t.Errorf("%s: stderr = %q, want no control characters and no password", test.name, stderr.String())
		}
	}
	if got := strings.Count(stderr.String(), clean); got != 1 { // ErrorS quotes its message
		t.Errorf("the log has %d lines of Info, want 1:\n%s", got, stderr.String())
	}
}
