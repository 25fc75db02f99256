package generate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

func newKeyPolicyCmd(f *cmdutil.Factory) *cobra.Command {
	var principals []string
	var role string
	cmd := newDocumentCmd("key-policy", "Print a key policy that lets you associate the key",
		`Prints a key policy for a key of this cluster: the account keeps control through its
IAM policies, so that it is not locked out, the principals may associate the key, and
EKS may check it as the cluster's role. The principals are those who run the command.
Without --principal it is you: the ARN of your role comes from iam:GetRole, because a
session does not show the path of its role. Roles of IAM Identity Center always have one.

The cluster's role comes from EKS. EKS calls kms:ListGrants as this role every hour; a
policy that does not allow it causes an AccessDenied in CloudTrail each time, and errors
of later updates that the role could not be assumed.

It is a complete policy: putting it on an existing key replaces that key's policy. To
extend a policy, use only the statements that it lacks.`,
		`  # For yourself
  kubectl eks-encrypt generate key-policy > policy.json

  # For a role of another account
  kubectl eks-encrypt generate key-policy --principal arn:aws:iam::444455556666:role/platform`,
		func(cmd *cobra.Command, _ []string) error { return printKeyPolicy(cmd.Context(), f, principals, role) })
	cmd.Args = cmdutil.NoArgs
	cmd.Flags().StringSliceVar(&principals, "principal", nil,
		"ARN of a user or role that may associate the key; may be repeated")
	cmd.Flags().StringVar(&role, "cluster-role", "",
		"ARN of the cluster's role, or \"none\" to leave its statement out; the default is that of the context's cluster")
	return cmd
}

// noRole is the value of --cluster-role that leaves the statement out.
const noRole = "none"

func printKeyPolicy(ctx context.Context, f *cmdutil.Factory, principals []string, role string) error {
	if role != "" && role != noRole {
		if err := kms.CheckPrincipal(role); err != nil {
			return cmdutil.UsageErrorf("--cluster-role: %w", err)
		}
	}
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
	if role == "" {
		role = clusterRole(ctx, f, at)
	}
	d := kms.KeyPolicy(at.Partition, at.Account, principals)
	if role != "" && role != noRole {
		d = d.WithClusterRole(role)
	}
	return f.PrintDocument(string(sanitize.JSON([]byte(d.String()))))
}

// clusterRole returns the role of the context's cluster, or "" if there is none or it cannot be described.
func clusterRole(ctx context.Context, f *cmdutil.Factory, at cmdutil.Location) string {
	b := at.Binding
	if b == nil || b.Name == "" || at.Clients == nil {
		return ""
	}
	cluster, err := eks.New(at.Clients.EKS()).Cluster(ctx, eks.Ref{Name: b.Name, ARN: b.ARN})
	if err != nil {
		note(f, "the statement for the cluster's role is missing: %v; pass --cluster-role ARN", err)
	}
	return cluster.RoleARN
}
