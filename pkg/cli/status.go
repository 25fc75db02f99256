package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type statusOptions struct {
	*globals
	allContexts bool
	require     string
}

func newStatus(g *globals) *cobra.Command {
	o := &statusOptions{globals: g}
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show whether the cluster is encrypted, and with whose key",
		GroupID: groupInspect,
		Long: `Shows, for the EKS cluster behind the kube context: whether envelope encryption is
on and of what, whose key it uses, whether that key is healthy, the association
seen last, and who manages the cluster. Changes nothing.

From Kubernetes 1.28 on EKS encrypts all API data with a key that AWS owns, though
no API shows it: that is AWSOwnedKey here, and not the same as NotEncrypted.

Exit codes: 0 the report is there, and --require holds; 1 --require does not hold;
2 it could not run; 3 it could not tell, or the context is no EKS cluster.`,
		Example: `  # The cluster behind the current context
  kubectl eks-encrypt status

  # Fail a pipeline unless a customer-managed key is in use
  kubectl eks-encrypt status --require cmk

  # Every cluster of the kubeconfig, as a table and as JSON
  kubectl eks-encrypt status --all-contexts
  kubectl eks-encrypt status --all-contexts -o json

  # The key alone
  kubectl eks-encrypt status -o jsonpath='{.encryption.keyArn}'`,
		Args: noArgs,
		RunE: check(o.run),
	}
	cmd.Flags().BoolVar(&o.allContexts, "all-contexts", false, "Report on every cluster of the kubeconfig, each once")
	cmd.Flags().StringVar(&o.require, "require", "", "Exit with 1 unless this holds: envelope (any key) or cmk (customer-managed key)")
	register(cmd, "require", cobra.FixedCompletions([]string{string(encryption.RequireEnvelope), string(encryption.RequireCMK)}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *statusOptions) run(cmd *cobra.Command, _ []string) error {
	require, err := encryption.ParseRequirement(o.require)
	if err != nil {
		return usage(cmd, "%w", err)
	}
	if o.allContexts {
		for _, flag := range []string{"context", "cluster-name", "cluster", "server"} {
			if cmd.Flags().Changed(flag) {
				return usage(cmd, "--all-contexts and --%s exclude each other", flag)
			}
		}
		return o.all(cmd.Context(), require)
	}
	return o.one(cmd.Context(), require)
}

func (o *statusOptions) one(ctx context.Context, require encryption.Requirement) error {
	report, err := o.report(ctx)
	if report == nil || isContextEnd(err) {
		return err
	}
	if o.format.ForPeople() {
		if err := output.EncryptionText(o.Out, report, o.colour(), o.format.Wide()); err != nil {
			return err
		}
	} else if err := o.format.Print(o.Out, report); err != nil {
		return err
	}
	return verdictError(report, err, require)
}

// report is nil when there was nothing to report on: then the error says why.
func (o *statusOptions) report(ctx context.Context) (*v1alpha1.EncryptionReport, error) {
	t, err := o.target("")
	var notEKS *binding.NotEKSError
	switch {
	case errors.As(err, &notEKS):
		report := inspect.NotEKS(notEKS)
		return &report, err
	case err != nil:
		return nil, err
	}
	result, clients := o.inspect(ctx, t)
	if clients == nil && t.Region == "" && result.Err != nil {
		return nil, result.Err // without a region there is no cluster to report on
	}
	return &result.Report, result.Err
}

// verdictError maps a printed report to the exit code.
func verdictError(r *v1alpha1.EncryptionReport, err error, require encryption.Requirement) error {
	if err != nil {
		return exit(exitCannotTell, err)
	}
	if require == "" {
		if r.Encryption.Verdict == v1alpha1.VerdictUnknown {
			return exit(exitCannotTell, errors.New(r.Encryption.Reason))
		}
		return nil
	}
	result, reason := require.Check(r)
	switch result {
	case v1alpha1.ResultPass:
		return nil
	case v1alpha1.ResultFail:
		return exit(exitFinding, fmt.Errorf("--require %s does not hold for %s: %s", require, r.Cluster.Name, reason))
	}
	return exit(exitCannotTell, fmt.Errorf("whether --require %s holds for %s can't be told: %s", require, r.Cluster.Name, reason))
}
