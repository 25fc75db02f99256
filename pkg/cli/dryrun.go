package cli

import (
	"github.com/spf13/cobra"
)

// addDryRun adds kubectl's flag. "server" would show nothing here: AWS has no such
// mode for an association, and a dry run doesn't reach the storage of Kubernetes.
func addDryRun(cmd *cobra.Command, mode *string) {
	cmd.Flags().StringVar(mode, "dry-run", "none", "none or client; client says what would be done, and changes nothing")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = "client"
	register(cmd, "dry-run", cobra.FixedCompletions([]string{"none", "client"}, cobra.ShellCompDirectiveNoFileComp))
}

func dryRun(cmd *cobra.Command, mode string) (bool, error) {
	switch mode {
	case "none":
		return false, nil
	case "client":
		return true, nil
	case "server":
		return false, usage(cmd, "--dry-run=server: AWS offers no such thing here; use --dry-run=client")
	}
	return false, usage(cmd, "unknown --dry-run %q: none or client", mode)
}
