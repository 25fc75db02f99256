package rewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

type verifyOptions struct {
	sharedOptions
	sample int
	probe  bool

	method v1alpha1.CoverageMethod
}

// NewVerifyCmd returns the command "verify".
func NewVerifyCmd(f *cmdutil.Factory) *cobra.Command {
	o := &verifyOptions{sharedOptions: sharedOptions{factory: f, unknownExit: cmdutil.ExitUnknown}}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Report how much existing data is proven to be encrypted with the current key",
		Long: `Reports how much of the existing data is proven to be encrypted with the key that the
cluster writes with now. What is not proven is called unproven, never "probably
encrypted".

By default it only reads metadata: an object counts as proven if it was written after
a time that is known to be later than the association. associate and rewrite record
that time in ConfigMap kube-system/eks-encrypt.

--sample and --probe prove by writing: each object gets a no-op write. The storage
refuses it if the object is encrypted with the current key, and re-encrypts the object
otherwise; nothing else changes, and only metadata is read. See docs/proof.md.

Exit codes: 0 all is proven; 1 stale data was found, or the cluster is not encrypted; 2
it could not run; 3 it could not determine the result for all data.`,
		Example: `  # What reading alone can prove
  kubectl eks-encrypt verify

  # A bound with 95 % confidence, from a random sample of 300 Secrets
  kubectl eks-encrypt verify --sample 300

  # Everything in one namespace, with a record for auditors
  kubectl eks-encrypt verify --probe -n payments --evidence payments.json`,
		Args: cmdutil.NoArgs,
		RunE: cmdutil.Check(func(cmd *cobra.Command, _ []string) error {
			o.complete(cmd)
			if err := o.validate(cmd.Flags().Changed("sample")); err != nil {
				return err
			}
			return o.run(cmd.Context())
		}),
	}
	o.addFlags(cmd)
	cmd.Flags().IntVar(&o.sample, "sample", 0, "Prove by no-op writes to this many random objects of each resource")
	cmd.Flags().BoolVar(&o.probe, "probe", false, "Prove by a no-op write to every object")
	cmd.MarkFlagsMutuallyExclusive("sample", "probe")
	return cmd
}

func (o *verifyOptions) validate(sampleSet bool) error {
	o.method = v1alpha1.MethodReadOnly
	switch {
	case o.sample < 0 || o.sample == 0 && sampleSet:
		return cmdutil.UsageErrorf("--sample must be at least 1, got %d", o.sample)
	case o.sample > 0:
		o.method = v1alpha1.MethodSample
	case o.probe:
		o.method = v1alpha1.MethodProbe
	}
	return o.sharedOptions.validate()
}

func (o *verifyOptions) run(ctx context.Context) error {
	j, err := o.prepare(ctx, o.method)
	if err != nil {
		return err
	}
	j.options.SampleSize = o.sample
	readOnly := o.method == v1alpha1.MethodReadOnly
	if !readOnly {
		fmt.Fprintln(o.factory.ErrOut, "This writes: each object gets a no-op write, which re-encrypts a stale object.")
	}
	result, err := o.execute(ctx, j, rewriter.Run)
	if err != nil {
		return cmdutil.WithCode(cmdutil.ExitUnknown, err)
	}
	if o.method == v1alpha1.MethodProbe {
		o.saveRecord(ctx, j, result)
	}
	err = errors.New("not all data is proven to be encrypted with the current key")
	switch {
	case result.Report.Verdict == v1alpha1.CoverageProven:
		return nil
	case result.Report.Verdict == v1alpha1.CoverageStale:
		return cmdutil.WithCode(cmdutil.ExitFinding, hint.New("stale data was found", "kubectl eks-encrypt rewrite"))
	case readOnly:
		err = hint.Wrap(err, "kubectl eks-encrypt verify --sample 300, or kubectl eks-encrypt rewrite")
	}
	return cmdutil.WithCode(cmdutil.ExitUnknown, err)
}
