package cmdutil

import (
	"github.com/spf13/cobra"
)

// AddDryRunFlag adds kubectl's --dry-run flag. The mode "server" is refused: AWS has no
// such mode for an association, and a server-side dry run does not reach etcd.
func AddDryRunFlag(cmd *cobra.Command, mode *string) {
	cmd.Flags().StringVar(mode, "dry-run", "none",
		"none or client; client shows what would be done and changes nothing")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = "client"
	CompleteFlag(cmd, "dry-run", "none", "client")
}

// AddTrustEndpointFlag adds the flag that accepts a cluster whose guard is Unverified.
func AddTrustEndpointFlag(cmd *cobra.Command, trust *bool) {
	cmd.Flags().BoolVar(trust, "trust-endpoint", false,
		"Proceed even if nothing proves that kubectl is connected to this EKS cluster; nothing is then called proven")
}

// ParseDryRun reports whether the value of --dry-run asks for a dry run.
func ParseDryRun(mode string) (bool, error) {
	switch mode {
	case "none":
		return false, nil
	case "client":
		return true, nil
	case "server":
		return false, UsageErrorf("--dry-run=server is not supported by AWS; use --dry-run=client")
	}
	return false, UsageErrorf("--dry-run %q is not a valid mode: use none or client", mode)
}
