// Package keys is the command "keys": the KMS keys that a cluster can use, and the
// creation of one.
package keys

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type options struct {
	factory *cmdutil.Factory
	usedBy  bool
}

// NewCmd returns the command "keys" with its subcommands.
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	o := &options{factory: f}
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List the KMS keys of the cluster's region: eligible, or why not",
		Long: `Lists every KMS key of the cluster's region that you can see: its alias, whether a
cluster can use it or all the reasons why not, and its rotation. PALETTE shows whether
the controller policy of Palette allows the key: it does so for an alias with the prefix
alias/cluster-api-provider-aws-, and for other keys only with the statement of Palette's
page on the encryption of secrets, which 'generate iam-policy --for palette' prints.
-o wide and the data formats add creation date, tags, description and replicas. Changes
nothing.

Notes name what you are not allowed to read; the rest is shown.

Exit codes: 0 listed, perhaps with notes; 2 usage, or nothing could be listed.`,
		Example: `  # The keys that a cluster can use, and the others
  kubectl eks-encrypt keys

  # With the clusters that depend on each
  kubectl eks-encrypt keys --used-by

  # One key in depth
  kubectl eks-encrypt keys describe alias/payments

  # Create one
  kubectl eks-encrypt keys create --alias alias/payments`,
		Args: cmdutil.SubcommandArgs,
		RunE: cmdutil.Check(func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) }),
	}
	cmd.Flags().BoolVar(&o.usedBy, "used-by", false, "List the clusters of the region that use each key")
	cmd.AddCommand(newDescribeCmd(f), newCreateCmd(f))
	return cmd
}

func (o *options) run(ctx context.Context) error {
	at, err := o.factory.Location(ctx)
	if err != nil {
		return err
	}
	list := kms.ListOptions{Where: at.Place}
	if format := o.factory.Format; format.Wide() || !format.ForPeople() {
		list.Tags = at.Clients.KMS(at.Region)
	}
	if o.usedBy {
		list.UsedBy, list.UsedByErr = eks.New(at.Clients.EKS()).UsedBy(ctx)
	}
	keys, err := o.factory.ListKeys(ctx, at.Clients, list)
	if err != nil {
		return err
	}
	keys.Provenance = o.factory.Provenance(at.Clients, &at.Caller, nil)
	keys.Notes = append(keys.Notes, cmdutil.SourceNotes(at.Binding.Target, at.Clients)...)
	return o.factory.Print(keys, func(w io.Writer, _ output.Colour, wide bool) error {
		return output.KeyTable(w, keys, output.KeyColumns{UsedBy: o.usedBy, UsersUnknown: list.UsedByErr != nil, Wide: wide})
	})
}
