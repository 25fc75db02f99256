// Package associate is the command "associate": the plan, the confirmation, the
// association of a key with the cluster, and the wait for its end.
package associate

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
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
	expectAccount  string
	planFile       string
	resume         string

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

First prints a plan: who makes the change, whether the key, the cluster and your
permissions allow it, and how the tool that manages the cluster will react (Terraform
would replace the cluster, Cluster API and Palette would stop reconciling it). Nothing is
sent if a check fails. If that tool leaves no tags, name it with --managed-by. Then asks
you to type the cluster's name; --yes skips this.

THIS CANNOT BE UNDONE: EKS never removes or changes the key of a cluster, and the
cluster depends on the key for as long as it exists.

Waits until the update is Successful and EKS names the key, which takes up to an hour
or more. If you interrupt the wait, the association continues; --resume waits for it
again. At the end, the association is recorded in ConfigMap kube-system/eks-encrypt, so
that verify can prove what is written later.

A plan that was saved with --dry-run -o yaml can be reviewed and then applied with
--plan and the same other flags. It is refused if a fact has changed since then.

Exit codes: 0 done, or nothing to do; 1 failed, or a check failed; 2 usage; 124
timeout; 130 interrupted.`,
		Example: `  # Show the plan, and nothing else
  kubectl eks-encrypt associate alias/payments --dry-run=client

  # Choose a key, confirm by typing the cluster's name, wait
  kubectl eks-encrypt associate

  # Terraform leaves no tags: how it will react, and what its code must contain
  kubectl eks-encrypt associate alias/payments --managed-by terraform --dry-run=client

  # In a pipeline, with the key of an eksctl ClusterConfig, only in this account
  kubectl eks-encrypt associate -f cluster.yaml --yes --expect-account 111122223333

  # Save a plan, review it, apply exactly that
  kubectl eks-encrypt associate alias/payments --dry-run=client -o yaml > plan.yaml
  kubectl eks-encrypt associate --plan plan.yaml

  # Wait for an association that runs; this begins none
  kubectl eks-encrypt associate --resume 7c2a0b1e-5a0f-4f57-9a3a-0f6a3d1f2b4c`,
		Args:              cmdutil.AtMostOneArg,
		ValidArgsFunction: f.CompleteKey(),
		RunE: cmdutil.Action(func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.key = args[0]
			}
			for _, name := range []string{"resume", "plan", "expect-account", "filename"} {
				// An empty value, as of an unset variable, must not mean that the flag is absent.
				if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
					return cmdutil.UsageErrorf("--%s is empty", name)
				}
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
	flags.StringVar(&o.expectAccount, "expect-account", "",
		"Refuse unless the caller and the cluster are in this AWS account")
	flags.StringVar(&o.planFile, "plan", "",
		"Apply the plan that --dry-run -o yaml saved to this file, unless facts have changed; - for stdin")
	flags.StringVar(&o.resume, "resume", "", "Wait for the association with this update ID, and begin none")
	cmdutil.AddDryRunFlag(cmd, &o.dryRunMode)
	cmd.MarkFlagsMutuallyExclusive("wait", "no-wait")
	for _, flag := range []string{"plan", "filename", "dry-run", "no-wait", "managed-by", "accept-drift"} {
		cmd.MarkFlagsMutuallyExclusive("resume", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("plan", "filename")
	return cmd
}

func (o *options) validate() (err error) {
	if o.dryRun, err = cmdutil.ParseDryRun(o.dryRunMode); err != nil {
		return err
	}
	switch {
	case o.expectAccount != "" && !isAccount(o.expectAccount):
		return cmdutil.UsageErrorf("--expect-account %q is not an AWS account ID of 12 digits", o.expectAccount)
	case o.timeout <= 0:
		return cmdutil.UsageErrorf("--timeout must be positive")
	case o.key != "" && (o.filename != "" || o.planFile != "" || o.resume != ""):
		return cmdutil.UsageErrorf("KEY excludes -f, --plan and --resume")
	case o.resume != "" && !o.wait:
		return cmdutil.UsageErrorf("--resume waits: omit --wait=false")
	case o.resume != "":
		return nil
	case !o.dryRun && o.factory.NeedsYes(o.yes):
		return cmdutil.UsageErrorf("cannot prompt because stdin is not a terminal: pass --yes, or --dry-run=client to see " +
			"the plan")
	case o.key == "" && o.filename == "" && o.planFile == "" && !o.factory.Interactive():
		return cmdutil.UsageErrorf("KEY is required when no prompt is possible; 'kubectl eks-encrypt keys' lists the keys")
	case o.planFile == "-" && !o.dryRun && !o.yes:
		return cmdutil.UsageErrorf("--plan - needs --yes: the answer to the prompt cannot come from stdin too")
	}
	return o.managedBy.Validate()
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}
