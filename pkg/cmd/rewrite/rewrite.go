// Package rewrite is the commands "rewrite" and "verify": re-encrypt existing data with
// the current key, and report how much of it is proven to be encrypted with that key.
package rewrite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// Values of --via.
const (
	viaClient   = "client"
	viaMigrator = "migrator"
)

// migratorSample is the number of objects that are checked after a run of the cluster's
// own migrator.
const migratorSample = 1000

// hintContradicted is the hint if the API servers contradict what is known. A wrong record contradicts them as well.
const hintContradicted = "wait until EKS has replaced its API servers, and run it again. " +
	"If ConfigMap kube-system/eks-encrypt is known to be wrong, --no-record ignores it"

type options struct {
	sharedOptions
	via        string
	dryRunMode string

	dryRun bool
}

// NewCmd returns the command "rewrite".
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	o := newOptions(f)
	cmd := &cobra.Command{
		Use:   "rewrite",
		Short: "Re-encrypt existing data with the current key, and prove it",
		Long: `Re-encrypts existing data with the key that the cluster writes with now; by default
Secrets. Each object gets a no-op write: the storage refuses it if the object is
already encrypted with the current key, and re-encrypts the object otherwise. The write
changes nothing itself, and only names are read. But it passes admission, as any write
does: webhooks and policies that may change the objects are named first, and need
--allow-admission-changes. A second run writes nothing for objects that are done, so you
may interrupt a run.

All API servers are compared before the first write and at the end. If they disagree
about the write key, the run stops. See docs/proof.md for what a run proves.

Does not run while an association is or may be in progress, or if kubectl is connected
to a cluster other than the one that EKS describes. If nothing shows which cluster it
is, --trust-endpoint is needed, and nothing is called proven. See kubectl eks-encrypt
generate rbac for the permissions.

Exit codes: 0 all is proven; 1 not all, or it failed; 2 usage; 3 the API servers disagree
or were not all reached, or it ran with --trust-endpoint, so nothing is proven.`,
		Example: `  # All Secrets
  kubectl eks-encrypt rewrite

  # How much there is to do
  kubectl eks-encrypt rewrite --dry-run=client

  # All stored API data, including custom resources, with signed evidence for auditors
  kubectl eks-encrypt rewrite --all-resources --evidence rewrite.json --sign-with alias/evidence

  # With the cluster's own storage version migrator (Kubernetes 1.37 and later)
  kubectl eks-encrypt rewrite --via=migrator`,
		Args: cmdutil.NoArgs,
		RunE: cmdutil.Action(func(cmd *cobra.Command, _ []string) error {
			o.complete(cmd)
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		}),
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&o.via, "via", viaClient,
		"What rewrites: client (this command) or migrator (the cluster's StorageVersionMigration, which --max-bytes "+
			"and --qps do not limit)")
	cmdutil.AddDryRunFlag(cmd, &o.dryRunMode)
	cmdutil.CompleteFlag(cmd, "via", viaClient, viaMigrator)
	return cmd
}

func newOptions(f *cmdutil.Factory) *options {
	return &options{
		sharedOptions: sharedOptions{factory: f, unknownExit: cmdutil.ExitFailed,
			maxConcurrency: rewriter.DefaultMaxConcurrency},
		via: viaClient,
	}
}

// Secrets rewrites all Secrets of the bound cluster with the default options. noRecord is --no-record.
func Secrets(ctx context.Context, f *cmdutil.Factory, b *binding.Binding, noRecord bool) error {
	o := newOptions(f)
	o.binding, o.noRecord = b, noRecord
	return o.run(ctx)
}

func (o *options) validate() (err error) {
	if o.via != viaClient && o.via != viaMigrator {
		return cmdutil.UsageErrorf("--via %q is not valid: use client or migrator", o.via)
	}
	if o.dryRun, err = cmdutil.ParseDryRun(o.dryRunMode); err != nil {
		return err
	}
	return o.sharedOptions.validate()
}

func (o *options) run(ctx context.Context) error {
	if o.dryRun {
		return o.printDryRun(ctx)
	}
	j, err := o.prepare(ctx, v1alpha1.MethodRewrite)
	if err != nil {
		return err
	}
	run := rewriter.Run
	if o.via == viaMigrator {
		if j.options.Namespace != "" || j.options.Selector != "" {
			return cmdutil.UsageErrorf("--via=migrator rewrites whole resources: omit -n and -l")
		}
		run, j.options.SampleSize = rewriter.Migrate, migratorSample
	}
	if err := o.askAdmission(ctx, j); err != nil {
		return err
	}
	result, err := o.execute(ctx, j, run)
	o.saveRecord(ctx, j, result)
	if cmdutil.Interrupted(err) {
		return o.interrupted(err)
	}
	if err != nil {
		return cmdutil.WithCode(o.exitCode(err), err)
	}
	switch v := result.Report.Verdict; {
	case v == v1alpha1.CoverageProven,
		v == v1alpha1.CoverageNotProven && o.via == viaMigrator && result.Bounded && j.matches():
		return nil
	case result.Report.Agreement != nil && result.Report.Agreement.After == v1alpha1.Disagree:
		return cmdutil.WithCode(cmdutil.ExitUnknown, hint.New("the API servers disagree about the write key",
			"wait until EKS has replaced its API servers, and run it again"))
	case v == v1alpha1.CoverageContradicted:
		return hint.New("the API servers do not write with the current key", hintContradicted)
	}
	if !j.matches() {
		return cmdutil.WithCode(cmdutil.ExitUnknown, errors.New(result.Report.Statement))
	}
	return hint.New("not all data is proven to be encrypted with the current key",
		"see the failures above; objects that are done are not written again in the next run")
}

// interrupted returns what an interrupted run reports. An error with a hint of its own is more than an interruption:
// the API servers disagree as well, or a migration goes on in the cluster.
func (o *options) interrupted(err error) error {
	if hint.Of(err) != "" {
		return err
	}
	next := "run it again to continue: objects that are done are not written again"
	if _, missing := os.Stat(o.evidence.File); missing == nil {
		next = "run it again with another --evidence file to continue: objects that are done are not written again"
	}
	return hint.New("interrupted", next)
}

// printDryRun counts the objects and prints what a rewrite would send.
func (o *options) printDryRun(ctx context.Context) error {
	j, err := o.prepare(ctx, v1alpha1.MethodReadOnly)
	if err != nil {
		return err
	}
	p := rewriter.Preconditions{Report: &j.report, TrustEndpoint: o.trustEndpoint}
	if err := p.Check(v1alpha1.MethodRewrite); err != nil {
		o.factory.Warn(fmt.Errorf("a rewrite would be refused now: %w", err))
	}
	result, err := o.execute(ctx, j, rewriter.Run)
	if err != nil {
		return err
	}
	var total, unproven int64
	for _, r := range result.Report.Resources {
		total += r.Total
		unproven += r.Unproven
	}
	fmt.Fprintf(o.factory.ErrOut, "dry run: a rewrite would send about %d no-op writes, at most %d concurrently; "+
		"the storage would accept at most %d of them and refuse the others\n", total, o.maxConcurrency, unproven)
	return o.printImpact(ctx, j, unproven)
}

// printImpact prints what others would notice of a rewrite.
func (o *options) printImpact(ctx context.Context, j *job, written int64) error {
	text := "an unknown number of bytes: the metrics of the API server are not readable"
	if bytes, ok := rewriter.EstimateBytes(ctx, j.options); ok {
		text = "about " + bytes
	}
	fmt.Fprintf(o.factory.ErrOut, "each accepted write is an event for every client that watches the resource, and an "+
		"audit log entry: at most %d events, %s for each watcher and for etcd; security monitoring may report many "+
		"patches of Secrets by %s\n", written, text, cmdutil.UserAgent)
	var admission *rewriter.AdmissionError
	if err := o.checkAdmission(ctx, j); errors.As(err, &admission) {
		fmt.Fprintf(o.factory.ErrOut, "%s: a rewrite needs --allow-admission-changes\n", admission.Error())
	}
	return nil
}
