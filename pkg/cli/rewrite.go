package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// migratorSample is how many objects prove what the cluster's own migrator did.
const migratorSample = 1000

type rewriteOptions struct {
	coverageOptions
	via    string
	dryRun string
}

func newRewrite(g *globals) *cobra.Command {
	o := &rewriteOptions{coverageOptions: coverageOptions{globals: g, untold: exitFailed}}
	cmd := &cobra.Command{
		Use:     "rewrite",
		Short:   "Bring existing data under the current key, and prove it",
		GroupID: groupChange,
		Long: `Brings existing data under the key that the cluster writes with now, Secrets by
default. Each object gets a write that changes nothing: the storage refuses it
where the object is current already, and re-encrypts the object where it is stale.
Values, annotations, labels and managedFields stay as they are, and no value is
read. Running it again writes nothing for what is done, so it may be interrupted.

It does not run while an association is in progress, nor when the kube context
leads to another cluster than the one EKS describes. It needs list and patch on the
resources, not get: kubectl eks-encrypt generate rbac.

Exit codes: 0 all is proven; 1 not all, or it failed; 2 usage.`,
		Example: `  # All Secrets
  kubectl eks-encrypt rewrite

  # What it would take
  kubectl eks-encrypt rewrite --dry-run=client

  # All stored API data, custom resources among it, with a record for the auditors
  kubectl eks-encrypt rewrite --all-resources --evidence rewrite.json

  # Let the cluster's own storage version migrator do it (Kubernetes 1.37 and later)
  kubectl eks-encrypt rewrite --via=migrator`,
		Args: noArgs,
		RunE: action(o.run),
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.via, "via", "client", "Who does the work: client (this command) or migrator (the cluster's StorageVersionMigration)")
	addDryRun(cmd, &o.dryRun)
	register(cmd, "via", cobra.FixedCompletions([]string{"client", "migrator"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *rewriteOptions) run(cmd *cobra.Command, _ []string) error {
	if o.via != "client" && o.via != "migrator" {
		return usage(cmd, "unknown --via %q: client or migrator", o.via)
	}
	dry, err := dryRun(cmd, o.dryRun)
	if err != nil {
		return err
	}
	method := v1alpha1.MethodRewrite
	if dry {
		return o.rehearse(cmd)
	}
	j, err := o.prepare(cmd, method)
	if err != nil {
		return err
	}
	engine := rewriter.Run
	if o.via == "migrator" {
		if j.options.Namespace != "" || j.options.Selector != "" {
			return usage(cmd, "--via=migrator takes whole resources: leave out -n and -l")
		}
		engine, j.options.SampleSize = rewriter.Migrate, migratorSample
	}
	result, err := o.carry(cmd.Context(), j, engine)
	if isContextEnd(err) {
		return hinted(errors.New("interrupted"), "run it again to go on: it does no work twice")
	}
	if err != nil {
		return err
	}
	o.note(cmd.Context(), j, result)
	switch v := result.Report.Verdict; {
	case v == v1alpha1.CoverageProven, v == v1alpha1.CoverageNotProven && o.via == "migrator":
		return nil
	}
	return hinted(errors.New("not all of it is proven to be under the current key"), "see the failures above; running it again does no work twice")
}

// rehearse counts what there is, and says what a rewrite would send.
func (o *rewriteOptions) rehearse(cmd *cobra.Command) error {
	j, err := o.prepare(cmd, v1alpha1.MethodReadOnly)
	if err != nil {
		return err
	}
	if err := rewriter.Preconditions(&j.report, true); err != nil {
		fmt.Fprintf(o.ErrOut, "warning: a rewrite would be refused now: %v\n", err)
	}
	result, err := o.carry(cmd.Context(), j, rewriter.Run)
	if err != nil {
		return err
	}
	var total, unproven int64
	for _, r := range result.Report.Resources {
		total += r.Total
		unproven += r.Unproven
	}
	fmt.Fprintf(o.ErrOut, "dry run: a rewrite would send about %d no-op writes, at most %d at once; the storage would take at most %d of them, and refuse the others\n",
		total, o.maxConcurrency, unproven)
	return nil
}
