// Package cli is the command line: one file a command, flags in, options out.
// Nothing else in the module knows cobra, and nothing but main calls os.Exit.
package cli

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Process is what the surrounding process lends to the commands.
type Process struct {
	// Args is the command line, the program's own name first.
	Args []string
	// Version is the release this binary was built as, or empty.
	Version string

	genericiooptions.IOStreams
}

// Main runs the command line and returns the exit code of the process.
func Main(ctx context.Context, p Process) int {
	root := newRoot(newGlobals(p)) //nolint:contextcheck // cobra hands the context to each command
	root.SetArgs(arguments(p.Args))
	return reportError(ctx, p.ErrOut, root.ExecuteContext(ctx))
}

// arguments answers kubectl when it asks for completion: it runs an executable
// named kubectl_complete-eks_encrypt, which may be a link to this program.
func arguments(argv []string) []string {
	if len(argv) == 0 {
		return []string{}
	}
	if strings.HasPrefix(filepath.Base(argv[0]), "kubectl_complete-") {
		return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return argv[1:]
}
