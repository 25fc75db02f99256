package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type auditOptions struct {
	*globals
	auditScope
	auditRules
	auditData
	files          []string
	compare        string
	failOn         string
	maxConcurrency int
}

// What --fail-on knows.
const (
	failOnFinding    = "finding"
	failOnRegression = "regression"
)

func newAudit(g *globals) *cobra.Command {
	o := &auditOptions{globals: g}
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "Hold many clusters against controls, approved keys and waivers",
		GroupID: groupInspect,
		Long: `Asks about many clusters side by side and holds the answers against the controls
ENC-1 to ENC-6: envelope-encrypted, customer-managed key, key usable, key rotates,
existing data current, key approved. Changes nothing (but see --sample).

Which clusters: those of the kubeconfig with --all-contexts, or those of AWS with
--all-clusters, by regions, accounts or organization. That needs no kubeconfig and
acts as the AWS configuration says. Without either it is the current context's.
--cluster-name takes patterns here, separated by commas.

What decides: --controls, or --require envelope (ENC-1, ENC-3) or cmk (ENC-1, ENC-2,
ENC-3). ENC-1 and ENC-3 without either. --approved-keys adds ENC-6, and --verify-data
ENC-5. The other controls are answered for information.

Besides what every command prints, -o and --output-file know
` + strings.Join(report.Formats(), ", ") + `.

Exit codes: 0 all holds; 1 a finding that nobody answers for; 2 it could not run; 3 it
can't be told for all. A finding outweighs what can't be told.`,
		Example: `  # Every cluster of the kubeconfig
  kubectl eks-encrypt audit --all-contexts

  # An organization, with a report for people and one for code scanning
  kubectl eks-encrypt audit --all-clusters --organization --role-name auditor --regions all \
    --output-file report.html --output-file findings.sarif

  # In a pipeline: our keys only, known exceptions aside, and fail on what got worse
  kubectl eks-encrypt audit --all-clusters --regions eu-central-1,us-east-1 --require cmk \
    --approved-keys keys.txt --waivers waivers.yaml --compare last.json --fail-on regression`,
		Args:        noArgs,
		RunE:        check(o.run),
		Annotations: map[string]string{moreFormats: strings.Join(report.Formats(), ",")},
	}
	f := cmd.Flags()
	o.auditScope.addFlags(cmd)
	o.auditRules.addFlags(cmd)
	o.auditData.addFlags(cmd)
	f.StringArrayVar(&o.files, "output-file", nil, "Write the report to a file, too: FORMAT=PATH, or PATH where its ending tells the format; may be repeated")
	f.StringVar(&o.compare, "compare", "", "An earlier report, -o json or yaml, to tell what has changed since")
	f.StringVar(&o.failOn, "fail-on", failOnFinding, "What makes it exit with 1: finding, or regression (with --compare)")
	f.IntVar(&o.maxConcurrency, "max-concurrency", fleet.DefaultMaxConcurrency, "Most calls to AWS in flight; fewer go to a region of an account that throttles")
	register(cmd, "fail-on", cobra.FixedCompletions([]string{failOnFinding, failOnRegression}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *auditOptions) run(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	if err := o.validate(cmd); err != nil {
		return err
	}
	rules, err := o.rules(cmd, o.verify)
	if err != nil {
		return err
	}
	before, err := o.earlier(cmd)
	if err != nil {
		return err
	}
	files, err := openFiles(cmd, o.files)
	if err != nil {
		return err
	}
	defer files.discard()

	o.updates = o.sample > 0
	started := time.Now()
	answers, scope, err := o.gather(ctx)
	if err != nil {
		return err
	}
	if o.verify {
		if err := o.examine(ctx, answers); err != nil {
			return err
		}
	}
	rules.Now, answers.StartedAt = time.Now(), started
	report := fleet.Assess(*answers, rules)
	scope.Controls = rules.Controls
	report.Scope = scope
	if before != nil {
		report.Changes = fleet.Compare(before, report)
		if o.failOn == failOnRegression {
			report.Summary.Outcome = fleet.CheckRegressions(report)
		}
	}
	if err := errors.Join(o.print(report), files.write(report)); err != nil {
		return err
	}
	for _, path := range files.paths() {
		fmt.Fprintf(o.ErrOut, "report written to %s\n", path)
	}
	return auditError(report)
}

func (o *auditOptions) validate(cmd *cobra.Command) error {
	switch {
	case o.maxConcurrency < 1:
		return usage(cmd, "--max-concurrency must be 1 or more")
	case o.failOn != failOnFinding && o.failOn != failOnRegression:
		return usage(cmd, "--fail-on %q: one of %s, %s", o.failOn, failOnFinding, failOnRegression)
	case o.failOn == failOnRegression && o.compare == "":
		return usage(cmd, "--fail-on regression needs --compare: what got worse can be told only beside an earlier report")
	case o.sample != 0 && !o.verify:
		return usage(cmd, "--sample needs --verify-data")
	case o.sample < 0:
		return usage(cmd, "--sample: %d is no size of a sample", o.sample)
	}
	return o.auditScope.validate(cmd, o.globals)
}

func (o *auditOptions) print(r *v1alpha1.AuditReport) error {
	if o.format.ForPeople() {
		return output.AuditText(o.Out, r, o.colour(), o.format.Wide())
	}
	return writeAudit(o.Out, string(o.format), r)
}

// gather asks, with progress.
func (o *auditOptions) gather(ctx context.Context) (*fleet.Answers, v1alpha1.AuditScope, error) {
	progress := output.NewProgress(o.ErrOut)
	defer progress.End()
	if o.allClusters {
		return o.byAWS(ctx, o.globals, o.maxConcurrency, progress)
	}
	return o.byContexts(ctx, o.globals, progress)
}

// auditError maps the outcome to the exit code.
func auditError(r *v1alpha1.AuditReport) error {
	s := r.Summary
	switch s.Outcome {
	case v1alpha1.OutcomeFinding:
		if r.Changes != nil && len(r.Changes.Regressions) > 0 {
			return exit(exitFinding, fmt.Errorf("%s, and %s for the worse", output.Count(s.Findings, "finding"), output.Count(len(r.Changes.Regressions), "change")))
		}
		return exit(exitFinding, errors.New(output.Count(s.Findings, "finding")))
	case v1alpha1.OutcomeCannotTell:
		if s.Clusters == 0 && len(r.Unreachable) == 0 {
			return exit(exitCannotTell, hinted(errors.New("no cluster was found, so nothing was audited"), "check --regions, --accounts, --cluster-name and --tag"))
		}
		return exit(exitCannotTell, fmt.Errorf("can't tell: %s missing, and %s", output.Count(s.Undecided, "answer"), output.Count(len(r.Unreachable), "region or account")))
	}
	return nil
}

// requirements complete --require.
var requirements = []string{string(encryption.RequireEnvelope), string(encryption.RequireCMK)}
