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
	sample       int
	probe        bool
	byMetrics    bool
	readMetadata bool
	acceptRecord bool

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

By default it only reads names, and relies on ConfigMap kube-system/eks-encrypt, where
rewrite records that it has proven everything. Every user who may write the ConfigMap can
forge the record, so the verdict is Recorded, with exit code 3, or 0 with --accept-record.
With --read-metadata it also counts the objects that were written since the association.

--by-metrics proves by reading: it reads every object, and compares how many reads the
API server counts under each key in its metrics. It writes nothing.

--sample and --probe prove by writing: each object gets a no-op write. The storage
refuses it if the object is encrypted with the current key, and re-encrypts the object
otherwise. See docs/proof.md for what each of them proves.

Exit codes: 0 all is proven; 1 stale data was found, the API servers contradict what is
known, or the cluster is not encrypted; 2 it could not run; 3 it could not determine the
result for all data.`,
		Example: `  # What reading alone can prove
  kubectl eks-encrypt verify

  # A bound with 95 % confidence, from a random sample of 300 Secrets
  kubectl eks-encrypt verify --sample 300

  # Everything in one namespace, with evidence for auditors
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
	cmd.Flags().BoolVar(&o.byMetrics, "by-metrics", false,
		"Prove by reading every object and comparing the metrics of the API server; needs get, and writes nothing")
	cmd.Flags().BoolVar(&o.readMetadata, "read-metadata", false,
		"Read metadata to count objects written since the association; annotations may hold values of Secrets")
	cmd.Flags().BoolVar(&o.acceptRecord, "accept-record", false, "Exit with 0 also if the result rests on the record")
	cmd.MarkFlagsMutuallyExclusive("sample", "probe", "by-metrics", "read-metadata")
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
	case o.byMetrics:
		o.method = v1alpha1.MethodMetrics
	}
	return o.sharedOptions.validate()
}

func (o *verifyOptions) run(ctx context.Context) error {
	j, err := o.prepare(ctx, o.method)
	if err != nil {
		return err
	}
	j.options.SampleSize, j.options.ReadMetadata = o.sample, o.readMetadata
	if o.readMetadata {
		fmt.Fprintln(o.factory.ErrOut,
			"Warning: this reads the annotations of Secrets, and `kubectl apply` stores values there.")
	}
	readOnly := o.method == v1alpha1.MethodReadOnly
	if o.writes() {
		fmt.Fprintln(o.factory.ErrOut, "This writes: each object gets a no-op write, which re-encrypts a stale object.")
		if err := o.askAdmission(ctx, j); err != nil {
			return err
		}
	}
	result, err := o.execute(ctx, j, rewriter.Run)
	if o.writes() {
		o.saveRecord(ctx, j, result)
	}
	if err != nil && result != nil && result.Report.Verdict == v1alpha1.CoverageContradicted {
		return cmdutil.WithCode(cmdutil.ExitFinding, err)
	}
	if err != nil {
		return cmdutil.WithCode(cmdutil.ExitUnknown, err)
	}
	err = errors.New("not all data is proven to be encrypted with the current key")
	switch {
	case result.Report.Verdict == v1alpha1.CoverageProven,
		result.Report.Verdict == v1alpha1.CoverageRecorded && o.acceptRecord:
		return nil
	case result.Report.Verdict == v1alpha1.CoverageContradicted:
		return cmdutil.WithCode(cmdutil.ExitFinding, hint.New("the API servers do not write with the current key",
			hintContradicted))
	case result.Report.Verdict == v1alpha1.CoverageRecorded:
		err = hint.New("the result rests on the record alone",
			o.command("verify", "--by-metrics")+" proves it without writing; --accept-record accepts the record")
	case result.Report.Verdict == v1alpha1.CoverageStale:
		return cmdutil.WithCode(cmdutil.ExitFinding, hint.New("stale data was found", o.command("rewrite")))
	case readOnly:
		err = hint.Wrap(err, "%s or --sample 300, or %s", o.command("verify", "--by-metrics"), o.command("rewrite"))
	}
	return cmdutil.WithCode(cmdutil.ExitUnknown, err)
}

// writes reports whether the method sends no-op writes.
func (o *verifyOptions) writes() bool {
	return o.method == v1alpha1.MethodSample || o.method == v1alpha1.MethodProbe
}
