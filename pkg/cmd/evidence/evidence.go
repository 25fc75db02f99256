// Package evidence is the command "evidence": check the evidence that other commands wrote.
package evidence

import (
	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// NewCmd returns the command "evidence" with its subcommand.
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evidence",
		Short: "Check evidence that status, verify, rewrite or audit wrote",
		Long: `Checks the files that --evidence of status, verify, rewrite and audit writes: a report
as an in-toto Statement in a DSSE envelope, signed with the key of --sign-with.`,
		Example: `  # Without AWS and without a cluster
  kubectl eks-encrypt evidence verify rewrite.json --key evidence.pub.pem

  # With the key in KMS
  kubectl eks-encrypt evidence verify rewrite.json --key alias/evidence`,
		Args:        cmdutil.SubcommandArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations: map[string]string{cmdutil.WithoutOutput: "true"},
	}
	cmd.AddCommand(newVerifyCmd(f))
	return cmd
}
