package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

func newGenerate(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "generate",
		Short:   "Print policies, RBAC, IaC snippets or a runbook for this cluster",
		GroupID: groupInspect,
		Long: `Prints documents that are ready to paste, filled with the values of the live cluster.
Changes nothing.`,
		Example: `  # What an operator may be allowed, and no more
  kubectl eks-encrypt generate iam-policy --for associate alias/payments

  # What Terraform must say after the association
  kubectl eks-encrypt generate iac --for terraform

  # A change record for the ticket
  kubectl eks-encrypt generate runbook alias/payments > change.md`,
		Args:        knownCommand,
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Annotations: map[string]string{withoutOutput: "true"},
	}
	cmd.AddCommand(newIAMPolicy(g), newKeyPolicy(g), newRBAC(g), newIaC(g), newRunbook(g))
	return cmd
}

// live is the cluster behind the context, asked about once.
type live struct {
	target  binding.Target
	clients *awsclient.Clients
	result  inspect.Result
	account string // the caller's
	caller  string
}

// live fails where a document would have to be filled with guesses.
func (g *globals) live(ctx context.Context) (*live, error) {
	t, err := g.target("")
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return nil, exit(exitCannotTell, err)
	}
	if err != nil {
		return nil, err
	}
	result, clients := g.inspect(ctx, t)
	if result.Err != nil {
		return nil, exit(exitCannotTell, result.Err)
	}
	account, caller, err := clients.Caller(ctx)
	if err != nil {
		return nil, err
	}
	t.Region, t.Account, t.Partition = result.Report.Cluster.Region, result.Report.Cluster.Account, result.Report.Cluster.Partition
	return &live{t, clients, result, account, caller}, nil
}

// key is the ARN of the key that is named, or of the cluster's own; "" if neither.
func (l *live) key(ctx context.Context, args []string) (string, error) {
	if len(args) == 0 {
		return l.result.Report.Encryption.KeyARN, nil
	}
	where := kms.Place{Partition: l.target.Partition, Region: l.target.Region, Account: l.account}
	k, err := kms.Resolve(ctx, l.clients.KMS(l.target.Region), args[0], where)
	return k.ARN, err
}

// anyKey stands for all keys of the cluster's account and region.
func (l *live) anyKey() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/*", l.target.Partition, l.target.Region, l.target.Account)
}

// document makes the frame of a command that prints one.
func document(use, short, long, example string, run func(*cobra.Command, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Annotations: map[string]string{withoutOutput: "true"},
		Args:        atMostOne, RunE: check(run),
	}
}
