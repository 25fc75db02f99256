package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

type verifyOptions struct {
	coverageOptions
	sample int
	probe  bool
}

func newVerify(g *globals) *cobra.Command {
	o := &verifyOptions{coverageOptions: coverageOptions{globals: g, untold: exitCannotTell}}
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Say how much existing data is proven to be under the current key",
		GroupID: groupInspect,
		Long: `Says how much of the existing data is proven to be under the key that the cluster
writes with now. What is not proven is called unproven, never "probably encrypted".

By default it only reads metadata: an object counts as proven when it was written
after a moment known to be past the association, which associate and rewrite leave
in ConfigMap kube-system/eks-encrypt.

--sample and --probe prove by writing: each object gets a write that changes
nothing. The storage refuses it where the object is under the current key, and
re-encrypts the object where it is not; nothing else changes, no value is read.
See docs/proof.md.

Exit codes: 0 all is proven; 1 stale data was found, or the cluster is not
encrypted; 2 it could not run; 3 it could not tell for all.`,
		Example: `  # What can be told by reading alone
  kubectl eks-encrypt verify

  # A bound with 95 % confidence, from 300 Secrets drawn at random
  kubectl eks-encrypt verify --sample 300

  # All of one namespace, with a record for the auditors
  kubectl eks-encrypt verify --probe -n payments --evidence payments.json`,
		Args: noArgs,
		RunE: check(o.run),
	}
	o.addFlags(cmd)
	cmd.Flags().IntVar(&o.sample, "sample", 0, "Prove by no-op writes on this many objects of each resource, drawn at random")
	cmd.Flags().BoolVar(&o.probe, "probe", false, "Prove by a no-op write on every object")
	cmd.MarkFlagsMutuallyExclusive("sample", "probe")
	return cmd
}

func (o *verifyOptions) run(cmd *cobra.Command, _ []string) error {
	method := v1alpha1.MethodReadOnly
	switch {
	case o.sample < 0 || o.sample == 0 && cmd.Flags().Changed("sample"):
		return usage(cmd, "--sample: %d is no size of a sample", o.sample)
	case o.sample > 0:
		method = v1alpha1.MethodSample
	case o.probe:
		method = v1alpha1.MethodProbe
	}
	j, err := o.prepare(cmd, method)
	if err != nil {
		return err
	}
	j.options.SampleSize = o.sample
	if method != v1alpha1.MethodReadOnly {
		fmt.Fprintln(o.ErrOut, "This writes: each object gets a write that changes nothing; a stale one is re-encrypted by it.")
	}
	result, err := o.carry(cmd.Context(), j, rewriter.Run)
	if err != nil {
		return exit(exitCannotTell, err)
	}
	if method == v1alpha1.MethodProbe {
		o.note(cmd.Context(), j, result)
	}
	switch result.Report.Verdict {
	case v1alpha1.CoverageProven:
		return nil
	case v1alpha1.CoverageStale:
		return exit(exitFinding, hinted(fmt.Errorf("stale data was found"), "kubectl eks-encrypt rewrite"))
	}
	if method == v1alpha1.MethodReadOnly {
		return exit(exitCannotTell, hinted(fmt.Errorf("not all of it is proven"), "kubectl eks-encrypt verify --sample 300, or kubectl eks-encrypt rewrite"))
	}
	return exit(exitCannotTell, fmt.Errorf("not all of it is proven"))
}
