// Package generate is the command "generate": policies, RBAC, IaC snippets, a runbook and
// guardrails for the cluster behind the kube context.
package generate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// NewCmd returns the command "generate" with its subcommands.
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Print policies, RBAC, IaC snippets, guardrails or a runbook for this cluster",
		Long: `Prints documents that are ready to paste, filled with the values of the cluster. Calls
AWS only for what the kubeconfig and the arguments do not contain. Notes on stderr name
what was not verified. Changes nothing.`,
		Example: `  # The least that an operator needs
  kubectl eks-encrypt generate iam-policy --for associate alias/payments

  # What Terraform code must contain after the association
  kubectl eks-encrypt generate iac --for terraform

  # Alarms on the loss of the key
  kubectl eks-encrypt generate guardrails --for terraform --only alerts

  # A change record for the ticket
  kubectl eks-encrypt generate runbook alias/payments > change.md`,
		Args:        cmdutil.SubcommandArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations: map[string]string{cmdutil.WithoutOutput: "true"},
	}
	cmd.AddCommand(newIAMPolicyCmd(f), newKeyPolicyCmd(f), newRBACCmd(f), newIaCCmd(f), newRunbookCmd(f),
		newGuardrailsCmd(f))
	return cmd
}

// newDocumentCmd returns a command that prints a document.
func newDocumentCmd(use, short, long, example string, run cmdutil.RunE) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Annotations: map[string]string{cmdutil.WithoutOutput: "true"},
		Args:        cmdutil.AtMostOneArg, RunE: cmdutil.Check(run),
	}
}

// cluster is the inspected cluster, and the principal that calls AWS.
type cluster struct {
	cmdutil.Inspected
	caller v1alpha1.Caller
}

// inspect fails if a document could only be filled with guesses.
func inspect(ctx context.Context, f *cmdutil.Factory) (*cluster, error) {
	inspected, err := f.Inspect(ctx, "", cmdutil.InspectOptions{})
	switch {
	case err != nil:
		return nil, err
	case inspected.NotEKS != nil:
		return nil, cmdutil.WithCode(cmdutil.ExitUnknown, inspected.NotEKS)
	case inspected.Err != nil:
		return nil, cmdutil.WithCode(cmdutil.ExitUnknown, inspected.Err)
	}
	caller, err := cmdutil.Caller(ctx, inspected.Binding)
	if err != nil {
		return nil, err
	}
	return &cluster{inspected, caller}, nil
}

// keyARN returns the ARN of the key in args, or else of the cluster's key; "" if there
// is neither.
func (c *cluster) keyARN(ctx context.Context, f *cmdutil.Factory, args []string) (string, error) {
	if len(args) == 0 {
		return c.Report.Encryption.KeyARN, nil
	}
	where := kms.Place{Partition: c.Partition, Region: c.Region, Account: c.caller.Account}
	return place{where, c.Name}.keyARN(ctx, f, args[0])
}

// errNoKey is the error of a document that needs a key.
func errNoKey() error {
	return cmdutil.UsageErrorf("the cluster has no customer-managed key yet: pass KEY")
}
