// Package audit is the command "audit": many clusters against controls, approved keys
// and waivers.
package audit

import (
	"context"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// Values of --fail-on.
const (
	failOnFinding    = "finding"
	failOnRegression = "regression"
)

type options struct {
	factory *cmdutil.Factory
	scopeOptions
	shardOptions
	fromOptions
	rulesOptions
	dataOptions
	importOptions
	stopOptions
	resumeOptions
	fileFlags      []string
	compare        []string
	failOn         string
	maxConcurrency int
	formats        report.Options
	evidence       cmdutil.EvidenceFlags
	gate           awsclient.Gate // of the calls through kube contexts

	rules fleet.Rules
	// provenance is set for --all-clusters and --from.
	provenance v1alpha1.Provenance
	bindings   []*cmdutil.Inspected // of the items, in their order; nil for --all-clusters
	earlier    *fleet.History       // of --compare; nil without it
}

// NewCmd returns the command "audit".
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	o := &options{factory: f}
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Audit many clusters against controls, approved keys and waivers",
		Long: `Inspects many clusters at the same time and checks the results against the controls
ENC-1 to ENC-6: envelope-encrypted, customer-managed key, key usable, key rotates,
existing data current, key approved. Changes nothing, except with --sample and --import.

Which clusters: with --all-contexts those of the kubeconfig; with --all-clusters those
that EKS lists, by regions, accounts or organization. --all-clusters needs no kubeconfig
and uses the AWS configuration. Without either flag, it is the cluster of the current
context. --cluster-name accepts patterns here, separated by commas.

Which controls decide: those of --controls, of --require envelope (ENC-1, ENC-3) or cmk
(ENC-1, ENC-2, ENC-3), or those that a published --standard requires. Without these
flags: ENC-1 and ENC-3. --approved-keys adds ENC-6; --verify-data adds ENC-5, unless
--controls is given. The other controls are reported for information.

Changes: --compare lists what has changed since an earlier report (-o json or yaml).
With --fail-on regression, only what got worse fails: new findings; and under any
controls the verdict, the key, its state, and the days until it expires or is deleted.
An account or region that is no longer in the scope makes the audit incomplete. A newly
waived finding is listed and does not fail. If --compare is repeated, the latest report
is compared with, and all of them show the trend.

Earlier reports: with --from, no cluster is queried. Reports (-o json or yaml) are judged
and rendered again; several, such as those of all shards, are merged. A missing shard
makes the audit incomplete. Rules that no flag sets are those of the reports. Waivers and
the days until a key expires or is deleted are judged as of now.

Interruption: an audit that is interrupted, or that reaches --timeout, ends the calls in
progress and reports what it has. The rest is listed as unreachable. --resume continues.

Formats: in addition to those of every command, -o and --output-file accept
` + strings.Join(report.Formats(), ", ") + `.
custom-columns and name print one line for each cluster; go-template and jsonpath use
the whole report.

Security Hub: --import securityhub imports the results into Security Hub CSPM of the
account and region that they belong to, after the report is written. Waived findings are
suppressed until their waiver ends; findings of clusters that no longer exist are
archived. Nothing is changed in accounts and regions that could not be queried.

Exit codes: 0 compliant; 1 unwaived findings, or regressions; 2 could not run, or the
import failed; 3 something is unknown, or no cluster was found; 124 timed out; 130
interrupted. If several apply: 124 or 130, then 1, then 2, then 3.`,
		Example: `  # Every cluster of the kubeconfig
  kubectl eks-encrypt audit --all-contexts

  # An organization, with a report for people and one for code scanning
  kubectl eks-encrypt audit --all-clusters --organization --role-name auditor --regions all \
    --output-file report.html --output-file findings.sarif

  # In a pipeline: only approved keys, with accepted exceptions, and fail if something got worse
  kubectl eks-encrypt audit --all-clusters --regions eu-central-1,us-east-1 --require cmk \
    --approved-keys keys.txt --waivers waivers.yaml --compare last.json --fail-on regression

  # Earlier reports, such as those of the shards of an organization, as one page for people
  kubectl eks-encrypt audit --from shard-0.json --from shard-1.json -o html`,
		Args:        o.args,
		Annotations: cmdutil.WithExtraFormats(report.Formats()),
		RunE: cmdutil.Check(func(cmd *cobra.Command, args []string) error {
			if err := checkEmpty(cmd.LocalNonPersistentFlags()); err != nil {
				return err
			}
			if err := o.validate(cmd.Flags().Changed, args); err != nil {
				return err
			}
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		}),
	}
	o.scopeOptions.addFlags(cmd)
	o.shardOptions.addFlags(cmd)
	o.fromOptions.addFlags(cmd)
	o.rulesOptions.addFlags(cmd)
	o.dataOptions.addFlags(cmd)
	o.importOptions.addFlags(cmd)
	o.stopOptions.addFlags(cmd)
	o.resumeOptions.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&o.fileFlags, "output-file", nil,
		"Also write the report to a file: FORMAT=PATH, or PATH if its extension names the format; may be repeated")
	flags.StringVar(&o.formats.SARIF.Category, "sarif-category", "",
		"Name of this audit in code scanning, if a repository has several (default: that of the upload)")
	flags.BoolVar(&o.formats.SARIF.Suppressed, "sarif-suppressed", false,
		"Add waived findings to SARIF as suppressed results; GitHub shows them as open alerts")
	flags.StringArrayVar(&o.compare, "compare", nil,
		"An earlier report (-o json or yaml), to list what has changed since; may be repeated, for the trend")
	flags.StringVar(&o.failOn, "fail-on", failOnFinding,
		"Condition for exit code 1: finding, or regression (with --compare)")
	flags.IntVar(&o.maxConcurrency, "max-concurrency", fleet.DefaultMaxConcurrency,
		"Maximum number of concurrent AWS calls; lowered for a region of an account that throttles")
	o.evidence.AddTo(cmd)
	cmdutil.CompleteFlag(cmd, "fail-on", failOnFinding, failOnRegression)
	return cmd
}

// checkEmpty returns an error for a flag that is given with an empty value, as by a script whose variable is not set.
// The audit would silently cover or check less than intended: no approved keys, or one region instead of several.
func checkEmpty(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if value := f.Value.String(); f.Changed && (value == "" || value == "[]") {
			err = cmdutil.UsageErrorf("--%s is given without a value", f.Name)
		}
	})
	return err
}

func (o *options) validate(changed func(flag string) bool, args []string) error {
	if err := o.fromOptions.validate(changed, args); err != nil {
		return err
	}
	switch {
	case o.maxConcurrency < 1:
		return cmdutil.UsageErrorf("--max-concurrency must be at least 1")
	case o.failOn != failOnFinding && o.failOn != failOnRegression:
		return cmdutil.UsageErrorf("--fail-on %q is not valid: use %s or %s", o.failOn, failOnFinding, failOnRegression)
	case o.failOn == failOnRegression && len(o.compare) == 0:
		return cmdutil.UsageErrorf("--fail-on regression needs --compare with an earlier report")
	case o.sample != 0 && !o.verify:
		return cmdutil.UsageErrorf("--sample needs --verify-data")
	case o.maxWaiverDays < 0:
		return cmdutil.UsageErrorf("--max-waiver-days must not be negative, got %d", o.maxWaiverDays)
	case o.maxWaiverDays > 0 && o.waivers == "" && len(o.from) == 0:
		return cmdutil.UsageErrorf("--max-waiver-days needs --waivers")
	case o.timeout < 0:
		return cmdutil.UsageErrorf("--timeout must not be negative, got %s", o.timeout)
	case o.resumeFlag != "" && !o.allClusters:
		return cmdutil.UsageErrorf("--resume needs --all-clusters")
	case o.sample < 0:
		return cmdutil.UsageErrorf("--sample must be at least 1, got %d", o.sample)
	}
	if err := o.evidence.Validate(); err != nil {
		return err
	}
	if err := o.importOptions.validate(o.allClusters); err != nil {
		return err
	}
	return o.scopeOptions.validate(changed)
}

// complete reads the rules and the earlier report, before any call.
func (o *options) complete() (err error) {
	now := time.Now()
	if o.filter, err = o.newFilter(o.factory.AWS.ClusterName, o.many() || len(o.from) > 0); err != nil {
		return err
	}
	if err = o.read(o.factory.In, o.factory.ErrOut, now); err != nil {
		return err
	}
	o.gate = awsclient.NewGate(o.maxConcurrency)
	if o.many() { // --cluster-name holds patterns, not the name of one cluster
		flags := o.factory.AWS
		flags.ClusterName = ""
		o.factory = o.factory.WithAWS(flags)
	}
	if err = o.readAccounts(o.factory.AWS.ExternalID); err != nil {
		return err
	}
	if err = o.parseShard(&o.scope); err != nil {
		return err
	}
	if o.rules, err = o.readRules(o.verify || o.verified(), o.reports, now); err != nil {
		return err
	}
	o.rules.Files = append(o.rules.Files, o.accountFiles...)
	if err = o.readResumed(); err != nil {
		return err
	}
	o.earlier, err = o.readEarlier()
	return err
}

func (o *options) run(ctx context.Context) error {
	files, err := parseFiles(o.fileFlags)
	if err != nil {
		return err
	}
	if files.has(o.evidence.File) {
		return cmdutil.UsageErrorf("--evidence and --output-file name the same file, %s", o.evidence.File)
	}
	if err := o.checkOutput(files); err != nil {
		return err
	}
	if err := o.evidence.PrepareAlone(ctx, o.factory, o.firstRegion()); err != nil {
		return err
	}

	debug.SetGCPercent(100) // the report on many clusters is large; a short command needs less time with more garbage
	limited, cancel := o.limit(ctx)
	defer cancel()
	answers, scope, err := o.answers(limited)
	if err != nil {
		return stoppedEarly(limited, err)
	}
	o.rules.Now = time.Now()
	audited := fleet.Assess(*answers, o.rules)
	answers.Items, answers.Data = nil, nil // the report has its own
	scope.Controls = o.rules.Controls
	audited.Scope = scope
	audited.Provenance = o.origin(audited.Items)
	return o.deliver(ctx, limited, files, audited, answers.Stopped)
}

// origin returns the provenance of the whole report. The contexts of a kubeconfig may differ in it.
func (o *options) origin(items []v1alpha1.EncryptionReport) v1alpha1.Provenance {
	switch {
	case o.provenance.Tool != nil:
		return o.provenance
	case len(items) == 1:
		return items[0].Provenance
	}
	return o.factory.Provenance(nil, nil, nil)
}

// answers returns the facts to judge: those of earlier reports, or those of the clusters.
func (o *options) answers(ctx context.Context) (*fleet.Answers, v1alpha1.AuditScope, error) {
	if len(o.reports) > 0 {
		answers, scope := o.gatherFromReports()
		return answers, scope, nil
	}
	started := o.startOf(time.Now())
	answers, scope, err := o.gather(ctx)
	if err != nil {
		return nil, scope, err
	}
	if o.verify {
		o.verifyData(ctx, answers)
	}
	answers.StartedAt = started
	return answers, scope, nil
}

// gather inspects the clusters and shows progress.
func (o *options) gather(ctx context.Context) (*fleet.Answers, v1alpha1.AuditScope, error) {
	progress := output.NewProgress(o.factory.ErrOut)
	defer progress.End()
	defer context.AfterFunc(ctx, func() {
		progress.Hint("stopping: ending the calls in progress; press Ctrl-C again to end at once")
	})()
	if o.allClusters {
		return o.gatherFromAWS(ctx, progress)
	}
	return o.gatherFromContexts(ctx, progress)
}
