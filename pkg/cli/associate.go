package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type associateOptions struct {
	*globals
	filename       string
	dryRun         string
	yes            bool
	wait, noWait   bool
	timeout        time.Duration
	acceptDrift    bool
	managedBy      string
	skipGrantCheck bool
	noRecord       bool
}

func newAssociate(g *globals) *cobra.Command {
	o := &associateOptions{globals: g}
	cmd := &cobra.Command{
		Use:     "associate [KEY]",
		Aliases: []string{"enable"},
		Short:   "Give the cluster a customer-managed KMS key, for good",
		GroupID: groupChange,
		Long: `Gives the EKS cluster behind the kube context a customer-managed KMS key. KEY is an
ARN, an id, an alias or the ARN of an alias; without it you choose from a list.

First it shows a plan: whether the key, the cluster and you are fit for it, and what
becomes of the tool that manages the cluster (Terraform would destroy it, Cluster
API and Palette would stop reconciling). Nothing is sent if a check fails. Tools that
leave no tags you can name with --managed-by. Then it asks you to type the cluster's
name, or wants --yes.

THIS CAN'T BE UNDONE: EKS never removes or changes a cluster's key, and the cluster
depends on the key for as long as it lives.

It waits until EKS calls the update Successful and names the key, which takes up to
an hour or more. Interrupting it leaves the association running; running the same
command again takes it up, and never associates twice. At the end the moment is
noted in ConfigMap kube-system/eks-encrypt, from which verify proves what was written
later.

Exit codes: 0 done, or nothing to do; 1 failed, or a check did; 2 usage; 124 the
timeout passed; 130 interrupted.`,
		Example: `  # Look first: the plan, and nothing else
  kubectl eks-encrypt associate alias/payments --dry-run=client

  # Choose a key, confirm by typing the cluster's name, wait
  kubectl eks-encrypt associate

  # Terraform leaves no tags: what would become of it, and what its code must say
  kubectl eks-encrypt associate alias/payments --managed-by terraform --dry-run=client

  # In a pipeline, with the key of an eksctl ClusterConfig
  kubectl eks-encrypt associate -f cluster.yaml --yes --timeout 90m`,
		Args:              atMostOne,
		ValidArgsFunction: g.completeKey(),
		RunE:              action(o.run),
	}
	f := cmd.Flags()
	f.StringVarP(&o.filename, "filename", "f", "", "Take the key from secretsEncryption.keyARN of this eksctl ClusterConfig; - for stdin")
	f.BoolVar(&o.yes, "yes", false, "Don't ask to confirm")
	f.BoolVar(&o.wait, "wait", true, "Wait until the association has ended")
	f.BoolVar(&o.noWait, "no-wait", false, "Return as soon as EKS has taken it on; the same as --wait=false")
	f.DurationVar(&o.timeout, "timeout", association.DefaultTimeout, "How long to wait")
	f.BoolVar(&o.acceptDrift, "accept-drift", false, "Go on though the tool that manages the cluster will do harm, or stop working, until its own code names the key")
	addManagedBy(cmd, &o.managedBy)
	f.BoolVar(&o.skipGrantCheck, "skip-grant-check", false, "Don't try kms:CreateGrant as a dry run, which leaves a trace in CloudTrail")
	f.BoolVar(&o.noRecord, "no-record", false, "Don't note the moment in ConfigMap kube-system/eks-encrypt for verify")
	addDryRun(cmd, &o.dryRun)
	cmd.MarkFlagsMutuallyExclusive("wait", "no-wait")
	return cmd
}

func (o *associateOptions) run(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	dry, err := dryRun(cmd, o.dryRun)
	if err != nil {
		return err
	}
	switch {
	case len(args) > 0 && o.filename != "":
		return usage(cmd, "name the key by an argument or by -f, not both")
	case !dry && o.needsYes(o.yes):
		return usage(cmd, "nobody can be asked here: pass --yes, or --dry-run=client to see the plan")
	case len(args) == 0 && o.filename == "" && !o.interactive():
		return usage(cmd, "which key? 'kubectl eks-encrypt keys' lists what the cluster can take")
	case o.timeout <= 0:
		return usage(cmd, "--timeout must be positive")
	}
	if err := o.validateManager(cmd); err != nil {
		return err
	}
	t, err := o.target("")
	if err != nil {
		return err
	}
	clients, err := o.connect(ctx, &t)
	if err != nil {
		return err
	}
	account, _, err := clients.Caller(ctx)
	if err != nil {
		return err
	}
	key, err := o.key(ctx, cmd, args, t, clients, account)
	if err != nil {
		return err
	}
	progress := output.NewProgress(o.ErrOut)
	progress.Hint("Checking the key, the cluster and what manages it …")
	facts, err := association.Gather(ctx, o.sources(t, clients), association.Request{
		Cluster: v1alpha1.Cluster{
			ARN: t.ARN, Name: t.Name, Region: t.Region, Account: t.Account, Partition: t.Partition, Context: t.Context,
		},
		NameByFlag: t.NameByFlag, Key: key, Account: account, AcceptDrift: o.acceptDrift, SkipGrantCheck: o.skipGrantCheck,
	})
	progress.End()
	if err != nil {
		return err
	}
	plan, decision := association.Plan(facts)
	if dry {
		return o.rehearse(plan, decision)
	}
	if err := output.PlanText(o.ErrOut, plan, o.errColour()); err != nil {
		return err
	}
	fmt.Fprintln(o.ErrOut)
	a := &associating{associateOptions: o, target: t, clients: clients, facts: facts, decision: decision}
	return a.run(ctx, plan)
}

// rehearse prints the plan as the command's output.
func (o *associateOptions) rehearse(plan *v1alpha1.AssociationPlan, decision association.Decision) error {
	if o.format.ForPeople() {
		if err := output.PlanText(o.Out, plan, o.colour()); err != nil {
			return err
		}
	} else if err := o.format.Print(o.Out, plan); err != nil {
		return err
	}
	if decision == association.Refuse {
		return &association.RefusedError{Failed: association.Failures(plan)}
	}
	return nil
}

// key is the key as the user named it: by argument, file, or choice.
func (o *associateOptions) key(ctx context.Context, cmd *cobra.Command, args []string, t binding.Target, clients *awsclient.Clients, account string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	if o.filename != "" {
		text, err := o.read(o.filename)
		if err != nil {
			return "", usage(cmd, "%w", err)
		}
		config, err := association.ParseClusterConfig(text)
		if err == nil {
			err = config.Concerns(t.Name, t.Region)
		}
		if err != nil {
			return "", usage(cmd, "%s: %w", o.filename, err)
		}
		return config.KeyARN, nil
	}
	progress := output.NewProgress(o.ErrOut)
	list, err := kms.List(ctx, clients.KMS(t.Region), kms.ListOptions{
		Where:    kms.Place{Partition: t.Partition, Region: t.Region, Account: account},
		Progress: func(done, total int) { progress.Show(keysLine(done, total)) },
	})
	progress.End()
	if err != nil {
		return "", err
	}
	return o.pickKey(ctx, list)
}

const largestConfig = 1 << 20

func (o *associateOptions) read(filename string) ([]byte, error) {
	r := o.In
	if filename != "-" {
		f, err := os.Open(filename)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it is only read
		r = f
	}
	return io.ReadAll(io.LimitReader(r, largestConfig))
}

func (o *associateOptions) sources(t binding.Target, clients *awsclient.Clients) association.Sources {
	s := association.Sources{
		EKS: eks.New(clients.EKS()), KMS: clients.KMS(t.Region), ManagedBy: o.manager,
		Guard: func(arn, endpoint string) (v1alpha1.Guard, string) {
			return binding.Guard(t, binding.Described{ARN: arn, Endpoint: endpoint})
		},
	}
	s.Owner = o.owner(t.Name)
	return s
}

// owner finds the object that manages the cluster, in the cluster that kubectl
// talks to; nil if that can't be asked.
func (g *globals) owner(cluster string) func(context.Context) *iac.Owner {
	config, err := g.rest()
	if err != nil {
		return nil
	}
	client, err := kube.New(config)
	if err != nil {
		return nil
	}
	return func(ctx context.Context) *iac.Owner {
		ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
		defer cancel()
		return iac.FindOwner(ctx, client, cluster)
	}
}

func addManagedBy(cmd *cobra.Command, tool *string) {
	cmd.Flags().StringVar(tool, "managed-by", "", "The tool that manages the cluster, if its tags don't tell: "+strings.Join(managers(), ", "))
	register(cmd, "managed-by", cobra.FixedCompletions(managers(), cobra.ShellCompDirectiveNoFileComp))
}

func managers() (names []string) {
	for _, tool := range iac.Tools() {
		names = append(names, strings.ToLower(string(tool)))
	}
	return append(names, string(iac.FormTerraformModule))
}

func (o *associateOptions) validateManager(cmd *cobra.Command) error {
	if _, ok := iac.Told(o.managedBy); o.managedBy != "" && !ok {
		return usage(cmd, "unknown --managed-by %q: one of %s", o.managedBy, strings.Join(managers(), ", "))
	}
	return nil
}

// manager is who the user says, or else the tags.
func (o *associateOptions) manager(tags map[string]string) v1alpha1.ManagedBy {
	if told, ok := iac.Told(o.managedBy); ok {
		return told
	}
	return iac.Detect(tags)
}

// ownerTimeout bounds the search for the cluster's manager in the cluster itself:
// it is a hint more, and the API server may be out of reach.
const ownerTimeout = 5 * time.Second

func (g *globals) errColour() output.Colour {
	c, _ := output.NewColour(g.ErrOut, g.color)
	return c
}

const nothingSent = "nothing was sent, nothing was changed"
