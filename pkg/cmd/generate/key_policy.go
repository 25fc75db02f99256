package generate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

func newKeyPolicyCmd(f *cmdutil.Factory) *cobra.Command {
	var principals []string
	cmd := newDocumentCmd("key-policy", "Print a key policy that lets you associate the key",
		`Prints a key policy for a key of this cluster: the account keeps control through its
IAM policies, so that it is not locked out, and the principals may associate the key.
The principals are those who run the command, not the cluster's role. Without
--principal it is you: the ARN of your role comes from iam:GetRole, because a session
does not show the path of its role. Roles of IAM Identity Center always have one.

It is a complete policy: putting it on an existing key replaces that key's policy. To
extend a policy, use only the second statement.`,
		`  # For yourself
  kubectl eks-encrypt generate key-policy > policy.json

  # For a role of another account
  kubectl eks-encrypt generate key-policy --principal arn:aws:iam::444455556666:role/platform`,
		func(cmd *cobra.Command, _ []string) error { return printKeyPolicy(cmd.Context(), f, principals) })
	cmd.Args = cmdutil.NoArgs
	cmd.Flags().StringSliceVar(&principals, "principal", nil,
		"ARN of a user or role that may associate the key; may be repeated")
	return cmd
}

func printKeyPolicy(ctx context.Context, f *cmdutil.Factory, principals []string) error {
	for _, p := range principals {
		if err := kms.CheckPrincipal(p); err != nil {
			return cmdutil.UsageErrorf("--principal: %w", err)
		}
	}
	at, err := f.Location(ctx)
	if p, ok := named(f); err != nil && ok && len(principals) > 0 {
		note(f, "your account could not be determined: the policy is for a key of the cluster's account, %s", p.Account)
		at.Place, err = p.Place, nil
	}
	if err != nil {
		return err
	}
	if len(principals) == 0 {
		principal, path, err := kms.Principal(ctx, at.Clients, at.Caller.ARN)
		if err != nil {
			return err
		}
		if path != "" {
			note(f, "%s", path)
		}
		principals = []string{principal}
	}
	d := kms.KeyPolicy(at.Partition, at.Account, principals)
	return f.PrintDocument(string(sanitize.JSON([]byte(d.String()))))
}
