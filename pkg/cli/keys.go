package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type keysOptions struct {
	*globals
	usedBy bool
}

func newKeys(g *globals) *cobra.Command {
	o := &keysOptions{globals: g}
	cmd := &cobra.Command{
		Use:     "keys",
		Short:   "List the KMS keys of the cluster's region: eligible, or why not",
		GroupID: groupInspect,
		Long: `Lists every KMS key of the cluster's region that you can see: its alias, whether a
cluster can take it or all the reasons why not, and its rotation. PALETTE says
whether an alias has the prefix alias/cluster-api-provider-aws-, to which the IAM
policies that Palette and Cluster API document limit them. Changes nothing.

What you are not allowed to read is said in notes, and the rest is shown.

Exit codes: 0 listed, perhaps with notes; 2 usage, or nothing could be listed.`,
		Example: `  # The keys a cluster could take, and the others
  kubectl eks-encrypt keys

  # With the clusters that depend on each
  kubectl eks-encrypt keys --used-by

  # Make one
  kubectl eks-encrypt keys create --alias alias/payments`,
		Args: knownCommand,
		RunE: check(o.run),
	}
	cmd.Flags().BoolVar(&o.usedBy, "used-by", false, "Ask which clusters of the region use each key")
	cmd.AddCommand(newKeysCreate(g))
	return cmd
}

func (o *keysOptions) run(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	clients, where, err := o.place(ctx)
	if err != nil {
		return err
	}
	options := kms.ListOptions{Where: where}
	if o.usedBy {
		options.UsedBy, options.UsedByErr = eks.New(clients.EKS()).UsedBy(ctx)
	}
	progress := output.NewProgress(o.ErrOut)
	options.Progress = func(done, total int) { progress.Show(keysLine(done, total)) }
	list, err := kms.List(ctx, clients.KMS(where.Region), options)
	progress.End()
	if err != nil {
		return err
	}
	list.Notes = append(list.Notes, provenance(binding.Target{}, clients)...)
	if o.format.ForPeople() {
		return output.KeyTable(o.Out, list, output.KeyColumns{
			UsedBy: o.usedBy, UsersUnknown: options.UsedByErr != nil, Wide: o.format.Wide(),
		})
	}
	return o.format.Print(o.Out, list)
}

// place is where a cluster's keys are. A region on the command line is enough.
func (g *globals) place(ctx context.Context) (*awsclient.Clients, kms.Place, error) {
	t, err := g.target("")
	if err != nil && g.aws.region != "" && g.aws.clusterName == "" {
		t, err = binding.Target{Region: g.aws.region, Partition: binding.PartitionOf(g.aws.region), Credentials: binding.Credentials{
			Profile: g.aws.profile, RoleARN: g.aws.roleARN, EndpointURL: g.aws.endpointURL,
		}}, nil
	}
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return nil, kms.Place{}, hinted(err, "pass --region to list the keys of a region")
	}
	if err != nil {
		return nil, kms.Place{}, err
	}
	clients, err := g.connect(ctx, &t)
	if err != nil {
		return nil, kms.Place{}, err
	}
	account, _, err := clients.Caller(ctx)
	if err != nil {
		return nil, kms.Place{}, err
	}
	return clients, kms.Place{Partition: t.Partition, Region: t.Region, Account: account}, nil
}
