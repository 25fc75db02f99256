// Package associate is the command "associate": the plan, the confirmation, the
// association of a key with the cluster, and the wait for its end.
package associate

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type options struct {
	factory        *cmdutil.Factory
	filename       string
	dryRunMode     string
	yes            bool
	wait, noWait   bool
	timeout        time.Duration
	acceptDrift    bool
	managedBy      cmdutil.ManagedByFlag
	skipGrantCheck bool
	noRecord       bool
	trustEndpoint  bool

	key    string // the argument KEY, or ""
	dryRun bool
}

// NewCmd returns the command "associate".
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	o := &options{factory: f}
	cmd := &cobra.Command{
		Use:     "associate [KEY]",
		Aliases: []string{"enable"},
		Short:   "Associate a customer-managed KMS key with the cluster, permanently",
		Long: `Associates a customer-managed KMS key with the EKS cluster behind the kube context.
KEY is the ARN, the id or the alias of a key, or the ARN of an alias; without KEY you
choose from a list.

First prints a plan: whether the key, the cluster and your permissions allow the
change, and how the tool that manages the cluster will react (Terraform would replace
the cluster, Cluster API and Palette would stop reconciling it). Nothing is sent if a
check fails. If that tool leaves no tags, name it with --managed-by. Then asks you to
type the cluster's name; --yes skips this.

THIS CANNOT BE UNDONE: EKS never removes or changes the key of a cluster, and the
cluster depends on the key for as long as it exists.

Waits until the update is Successful and EKS names the key, which takes up to an hour
or more. If you interrupt the wait, the association continues; the same command waits
for it again and never associates twice. At the end, the association is recorded in
ConfigMap kube-system/eks-encrypt, so that verify can prove what is written later.

Exit codes: 0 done, or nothing to do; 1 failed, or a check failed; 2 usage; 124
timeout; 130 interrupted.`,
		Example: `  # Show the plan, and nothing else
  kubectl eks-encrypt associate alias/payments --dry-run=client

  # Choose a key, confirm by typing the cluster's name, wait
  kubectl eks-encrypt associate

  # Terraform leaves no tags: how it will react, and what its code must contain
  kubectl eks-encrypt associate alias/payments --managed-by terraform --dry-run=client

  # In a pipeline, with the key of an eksctl ClusterConfig
  kubectl eks-encrypt associate -f cluster.yaml --yes --timeout 90m`,
		Args:              cmdutil.AtMostOneArg,
		ValidArgsFunction: f.CompleteKey(),
		RunE: cmdutil.Action(func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.key = args[0]
			}
			if err := o.validate(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		}),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.filename, "filename", "f", "",
		"Use the key of secretsEncryption.keyARN in this eksctl ClusterConfig; - for stdin")
	flags.BoolVar(&o.yes, "yes", false, "Do not ask for confirmation")
	flags.BoolVar(&o.wait, "wait", true, "Wait until the association has ended")
	flags.BoolVar(&o.noWait, "no-wait", false, "Return as soon as EKS accepts the request; the same as --wait=false")
	flags.DurationVar(&o.timeout, "timeout", association.DefaultTimeout, "Maximum time to wait")
	flags.BoolVar(&o.acceptDrift, "accept-drift", false,
		"Proceed even if the tool that manages the cluster will fail or replace the cluster until its configuration names "+
			"the key")
	o.managedBy.AddTo(cmd)
	flags.BoolVar(&o.skipGrantCheck, "skip-grant-check", false,
		"Do not test kms:CreateGrant with a dry run, which CloudTrail records")
	flags.BoolVar(&o.noRecord, "no-record", false, "Do not record the association in ConfigMap kube-system/eks-encrypt")
	cmdutil.AddTrustEndpointFlag(cmd, &o.trustEndpoint)
	cmdutil.AddDryRunFlag(cmd, &o.dryRunMode)
	cmd.MarkFlagsMutuallyExclusive("wait", "no-wait")
	return cmd
}

func (o *options) validate() (err error) {
	if o.dryRun, err = cmdutil.ParseDryRun(o.dryRunMode); err != nil {
		return err
	}
	switch {
	case o.key != "" && o.filename != "":
		return cmdutil.UsageErrorf("KEY and -f exclude each other")
	case !o.dryRun && o.factory.NeedsYes(o.yes):
		return cmdutil.UsageErrorf("cannot prompt because stdin is not a terminal: pass --yes, or --dry-run=client to see " +
			"the plan")
	case o.key == "" && o.filename == "" && !o.factory.Interactive():
		return cmdutil.UsageErrorf("KEY is required when no prompt is possible; 'kubectl eks-encrypt keys' lists the keys")
	case o.timeout <= 0:
		return cmdutil.UsageErrorf("--timeout must be positive")
	}
	return o.managedBy.Validate()
}

func (o *options) run(ctx context.Context) error {
	b, err := o.factory.Bind("")
	if err != nil {
		return err
	}
	if err := o.factory.Connect(ctx, b); err != nil {
		return err
	}
	caller, err := cmdutil.Caller(ctx, b.AWS)
	if err != nil {
		return err
	}
	key, err := o.chooseKey(ctx, b, caller.Account)
	if err != nil {
		return err
	}
	progress := output.NewProgress(o.factory.ErrOut)
	progress.Hint("Checking the key, the cluster and the tool that manages it …")
	facts, err := association.Gather(ctx, cmdutil.AssociationSources(b, o.managedBy), association.Request{
		Cluster: v1alpha1.Cluster{
			ARN: b.ARN, Name: b.Name, Region: b.Region, Account: b.Account, Partition: b.Partition, Context: b.Context,
		},
		TrustEndpoint: o.trustEndpoint, MismatchRemedy: cmdutil.MismatchRemedy(b, &caller), Key: key, Account: caller.Account, AcceptDrift: o.acceptDrift, SkipGrantCheck: o.skipGrantCheck,
	})
	progress.End()
	if err != nil {
		return cmdutil.Explain(b, &caller, err)
	}
	plan, decision := association.Plan(facts)
	o.factory.QualifyPlan(plan)
	plan.Provenance = o.factory.Provenance(b.AWS, &caller, facts.Guard)
	if o.dryRun {
		return o.printPlan(plan, decision)
	}
	if err := output.PlanText(o.factory.ErrOut, plan, o.factory.ErrColour()); err != nil {
		return err
	}
	fmt.Fprintln(o.factory.ErrOut)
	r := &runner{options: o, binding: b, facts: facts, decision: decision}
	return r.run(ctx, plan)
}

// printPlan prints the plan as the output of a dry run.
func (o *options) printPlan(plan *v1alpha1.AssociationPlan, decision association.Decision) error {
	if err := o.factory.Print(plan, func(w io.Writer, colour output.Colour, _ bool) error {
		return output.PlanText(w, plan, colour)
	}); err != nil {
		return err
	}
	if decision == association.Refuse {
		return &association.RefusedError{Failed: association.Failures(plan)}
	}
	return nil
}

// chooseKey returns the key of the argument, of the file, or of the user's choice.
func (o *options) chooseKey(ctx context.Context, b *binding.Binding, account string) (string, error) {
	if o.key != "" {
		return o.key, nil
	}
	if o.filename != "" {
		text, err := o.readFile()
		if err != nil {
			return "", cmdutil.UsageErrorf("%w", err)
		}
		config, err := association.ParseClusterConfig(text)
		if err == nil {
			err = config.Matches(b.Name, b.Region)
		}
		if err != nil {
			return "", cmdutil.UsageErrorf("%s: %w", o.filename, err)
		}
		return config.KeyARN, nil
	}
	place := kms.Place{Partition: b.Partition, Region: b.Region, Account: account}
	list, err := o.factory.ListKeys(ctx, b.AWS, kms.ListOptions{Where: place})
	if err != nil {
		return "", err
	}
	return pickKey(ctx, o.factory, list)
}

// maxConfigSize limits a ClusterConfig, in bytes.
const maxConfigSize = 1 << 20

func (o *options) readFile() ([]byte, error) {
	r := o.factory.In
	if o.filename != "-" {
		f, err := os.Open(o.filename)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // the file is only read
		r = f
	}
	return io.ReadAll(io.LimitReader(r, maxConfigSize))
}
