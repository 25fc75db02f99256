package keys

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cloudtrail"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

func newDescribeCmd(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "describe KEY",
		Short: "Show one KMS key in depth: policy, grants, clusters",
		Long: `Shows one key in depth: its metadata, whether a cluster of the region can use it or
all the reasons why not, the findings of its policy for you, for the account and for the
role of the context's cluster, a dry run of the grant that EKS needs, the clusters of
your account that use it, its grants, its rotations and its last use with the event of
CloudTrail. KEY is an ARN, a key ID, an alias or the ARN of an alias; with an ARN, the
key may belong to another account or region. Changes nothing.

What you are not allowed to read is shown as unknown, with the missing permission.

Exit codes: 0 described, perhaps with unknown parts; 2 usage, or the key was not found.`,
		Example: `  # Who can use this key, and what depends on it
  kubectl eks-encrypt keys describe alias/payments

  # A key of another account or region, without a cluster
  kubectl eks-encrypt keys describe arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
		Args: oneKey,
		RunE: cmdutil.Check(func(cmd *cobra.Command, args []string) error { return describe(cmd.Context(), f, args[0]) }),
	}
	cmd.ValidArgsFunction = f.CompleteKey()
	return cmd
}

// oneKey is a cobra.PositionalArgs that requires KEY.
func oneKey(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmdutil.UsageErrorf("KEY is required: 'kubectl eks-encrypt keys' lists the keys")
	}
	return cmdutil.AtMostOneArg(cmd, args)
}

func describe(ctx context.Context, f *cmdutil.Factory, named string) error {
	ref, err := kms.ParseRef(named)
	if err != nil {
		return err
	}
	at, err := f.Location(ctx)
	if err != nil && ref.Region != "" && f.AWS.Region == "" { // without a cluster, the ARN names the region
		flags := f.AWS
		flags.Region = ref.Region
		at, err = f.WithAWS(flags).Location(ctx)
	}
	if err != nil {
		return err
	}
	clients := at.Clients
	if region := cmp.Or(ref.Region, at.Region); region != at.Region {
		clients = clients.In(region)
	}
	cluster := clusterOf(ctx, at)
	report, err := kms.Describe(ctx, clients.KMS(""), named, kms.DescribeOptions{
		Where: at.Place, Caller: at.Caller.ARN, ClusterRole: cluster.RoleARN, ClusterKey: cluster.KeyARN,
		Events: cloudtrail.New(clients.LookupEvents("")), Now: time.Now(), UsedBy: eks.New(clients.EKS()).UsedBy,
	})
	if err != nil {
		return err
	}
	report.Provenance = f.Provenance(clients, &at.Caller, nil)
	report.Notes = append(report.Notes, cmdutil.SourceNotes(at.Binding.Target, clients)...)
	return f.Print(report, func(w io.Writer, colour output.Colour, _ bool) error {
		return output.KeyReportText(w, report, colour)
	})
}

// clusterOf returns the context's cluster. It is empty if there is none, or if it cannot be described.
func clusterOf(ctx context.Context, at cmdutil.Location) eks.Cluster {
	b := at.Binding
	if b.Name == "" {
		return eks.Cluster{}
	}
	cluster, err := eks.New(at.Clients.EKS()).Cluster(ctx, eks.Ref{Name: b.Name, ARN: b.ARN})
	if err != nil {
		return eks.Cluster{}
	}
	return cluster
}
