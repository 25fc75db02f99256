package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

const referenceFile = "../../docs/reference.md"

const referenceHead = `# Command reference

Generated from the help of the commands by ` + "`make docs`" + `. Do not edit it.
The exit codes are in the [README](../README.md).
`

// tree returns the command tree of a new process.
func tree(t *testing.T, args ...string) (*cobra.Command, *bytes.Buffer) {
	t.Helper()
	t.Setenv("HOME", "/home/you")
	t.Setenv("KUBECACHEDIR", "")
	level := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(level)
	if err := level.Set("v", "0"); err != nil { // the level is global, and another test may have set it
		t.Fatal(err)
	}
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	root := newRoot(cmdutil.NewFactory(streams, "devel"))
	root.InitDefaultHelpCmd()
	root.SetArgs(args)
	return root, out
}

// walk visits every visible command.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			walk(c, visit)
		}
	}
}

func helpText(t *testing.T, args ...string) string {
	t.Helper()
	root, out := tree(t, args...)
	if err := root.Execute(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func reference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(referenceHead)
	root, _ := tree(t)
	walk(root, func(c *cobra.Command) {
		args := append(strings.Fields(strings.TrimPrefix(c.CommandPath(), root.CommandPath())), "--help")
		fmt.Fprintf(&b, "\n## %s\n```text\n%s```\n", c.CommandPath(), helpText(t, args...))
	})
	fmt.Fprintf(&b, "\n## Options of every command\n```text\n%s```\n", helpText(t, "options"))
	return b.String()
}

// TestReference checks that docs/reference.md equals the help of the commands.
func TestReference(t *testing.T) {
	want := reference(t)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(referenceFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatalf("%v: run make docs", err)
	}
	if string(got) != want {
		t.Errorf(
			"docs/reference.md differs from the help of the commands: run make docs\n%s",
			firstDifference(string(got), want),
		)
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: %q\nthe help has %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, the help has %d", len(a), len(b))
}
