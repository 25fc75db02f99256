// Package cmd is the command line. Each command is a package below it; the root
// command, help, options, completion and version are here. Engines do not import it.
package cmd

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// Process is the environment of the process that runs the command line.
type Process struct {
	// Args is the command line. The first element is the name of the program.
	Args []string
	// Version is the release that this binary was built as, or "".
	Version string

	genericiooptions.IOStreams
}

// Main runs the command line and returns the exit code of the process.
func Main(ctx context.Context, p Process) int {
	f := cmdutil.NewFactory(p.IOStreams, p.Version)
	root := newRoot(f) //nolint:contextcheck // cobra passes the context to each command
	root.SetArgs(arguments(p.Args))
	cmd, err := root.ExecuteContextC(ctx)
	return cmdutil.ReportError(ctx, f.ErrOut, cmd, f.QualifyHint(err))
}

// arguments translates a request for completion: kubectl runs an executable named
// kubectl_complete-eks_encrypt, which may be a link to this program.
func arguments(argv []string) []string {
	if len(argv) == 0 {
		return []string{}
	}
	if strings.HasPrefix(filepath.Base(argv[0]), "kubectl_complete-") {
		return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return argv[1:]
}
