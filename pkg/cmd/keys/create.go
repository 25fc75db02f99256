package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

type createOptions struct {
	factory    *cmdutil.Factory
	creation   kms.Creation
	tags       []string
	principals []string
	dryRunMode string
	yes        bool

	dryRun bool
}

func newCreateCmd(f *cmdutil.Factory) *cobra.Command {
	o := &createOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a KMS key that a cluster can use",
		Long: `Creates a symmetric encrypt/decrypt key in the cluster's region, with a key policy
that leaves the account in control and lets you associate it, with rotation, and
with an alias if you name one. Its ARN is printed as soon as the key exists.

If the alias exists already, nothing is created: its key is printed if a cluster can use
it, and else the command fails. Without an alias, each run creates a key.

KMS cannot repeat a creation safely: if it fails after the ARN is printed, complete the
key that exists (the error shows how) instead of creating another one. A key costs money
for as long as it exists.

Exit codes: 0 created, or exists already; 1 failed, perhaps after the key was created, or
the alias belongs to a key that is not eligible; 2 usage.`,
		Example: `  # Show everything first
  kubectl eks-encrypt keys create --alias alias/payments --dry-run=client

  # A key that Palette and Cluster API can use, rotated every 180 days
  kubectl eks-encrypt keys create --alias alias/cluster-api-provider-aws-payments --rotation-days 180 --yes`,
		Args: cmdutil.NoArgs,
		RunE: cmdutil.Action(func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.creation.Alias, "alias", "", "Alias of the key, alias/NAME")
	flags.StringVar(&o.creation.Description, "description", "Envelope encryption of EKS clusters",
		"Description of the key")
	flags.BoolVar(&o.creation.MultiRegion, "multi-region", false, "Create a multi-Region primary key")
	flags.BoolVar(&o.creation.Rotate, "rotate", true, "Turn automatic rotation on")
	flags.Int32Var(&o.creation.RotationDays, "rotation-days", 0,
		"Days between rotations, 90 to 2560 (default: 365, set by KMS)")
	flags.StringArrayVar(&o.tags, "tag", nil, "Tag KEY=VALUE; may be repeated")
	flags.StringSliceVar(&o.principals, "principal", nil,
		"ARN of a user or role that may associate the key, instead of yourself; none for the account alone")
	flags.BoolVar(&o.yes, "yes", false, "Do not ask for confirmation")
	cmdutil.AddDryRunFlag(cmd, &o.dryRunMode)
	flags.Lookup("dry-run").Usage = "none, client or server; client and server look for the alias, show what would be " +
		"done and create nothing"
	return cmd
}

// complete fills the creation from the flags and checks it.
func (o *createOptions) complete() (err error) {
	if o.dryRunMode == "server" { // KMS has no dry run of CreateKey: there is nothing more to ask for
		o.dryRunMode = "client"
	}
	if o.dryRun, err = cmdutil.ParseDryRun(o.dryRunMode); err != nil {
		return err
	}
	if !o.dryRun && o.factory.NeedsYes(o.yes) {
		return cmdutil.UsageErrorf("cannot prompt because stdin is not a terminal: pass --yes, or --dry-run=client to see " +
			"what would be done")
	}
	for _, p := range o.principals {
		if err := kms.CheckPrincipal(p); err != nil && (p != "none" || len(o.principals) > 1) {
			return cmdutil.UsageErrorf("--principal: %w", err)
		}
	}
	for _, tag := range o.tags {
		key, value, _ := strings.Cut(tag, "=")
		o.creation.Tags = append(o.creation.Tags, kms.Tag{Key: key, Value: value})
	}
	if err := o.creation.Validate(); err != nil {
		return cmdutil.UsageErrorf("%w", err)
	}
	return nil
}

func (o *createOptions) run(ctx context.Context) error {
	at, err := o.factory.Location(ctx)
	if err != nil {
		return err
	}
	if o.creation.Alias != "" {
		existing, err := kms.FindAlias(ctx, at.Clients.KMS(at.Region), o.creation.Alias)
		if err != nil {
			return err
		}
		if existing != nil {
			return o.exists(at, *existing)
		}
	}
	policy, err := o.policy(ctx, at)
	if err != nil {
		return err
	}
	o.creation.Policy = policy.String()
	if o.dryRun {
		return o.printDryRun(at, policy)
	}
	if !o.yes {
		confirmed, err := o.factory.Confirm(ctx, fmt.Sprintf(
			"Create a KMS key in %s, account %s? It costs money for as long as it exists.", at.Region, at.Account))
		if err != nil {
			return err
		}
		if !confirmed {
			return errors.New("not confirmed: nothing was created")
		}
	}
	people := o.factory.Format.ForPeople()
	printARN := o.factory.ErrOut
	if people {
		printARN = o.factory.Out
	}
	key, err := kms.Create(ctx, at.Clients.KMS(at.Region), o.creation, at.Clients.CLI(at.Region),
		func(arn string) { fmt.Fprintln(printARN, sanitize.Line(arn)) })
	if err != nil {
		return err
	}
	if people {
		fmt.Fprintf(o.factory.ErrOut, "created; next: %s%s\n", o.factory.Command(at.Binding, "associate", key.ARN),
			o.factory.Secrets())
		return nil
	}
	return o.print(at, key, nil)
}

// print writes the key as data.
func (o *createOptions) print(at cmdutil.Location, key kms.Candidate, notes []string) error {
	return o.factory.Format.Print(o.factory.Out, &v1alpha1.KeyList{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList), Region: at.Region, Account: at.Account,
		Items: []v1alpha1.KeyListItem{key.Item(at.Place)}, Notes: notes,
	})
}

// exists reports the key that the alias names already. It fails if no cluster can use that key.
func (o *createOptions) exists(at cmdutil.Location, key kms.Candidate) error {
	if err := o.creation.IneligibleError(key, at.Place); err != nil {
		return err
	}
	differences := o.creation.Differences(key, at.Clients.CLI(at.Region))
	fmt.Fprintf(o.factory.ErrOut, "%s exists already: nothing was created\n", o.creation.Alias)
	for _, note := range differences {
		fmt.Fprintln(o.factory.ErrOut, "note: "+note)
	}
	switch {
	case o.factory.Format.ForPeople():
		fmt.Fprintln(o.factory.Out, sanitize.Line(key.ARN))
		return nil
	case o.dryRun:
		item := key.Item(at.Place)
		plan := o.plan(at.Place)
		plan.Existing = &item
		return o.factory.Format.Print(o.factory.Out, plan)
	}
	return o.print(at, key, differences)
}

// policy returns the key policy. It names the principals of --principal, or the caller, and the caller as the creator.
func (o *createOptions) policy(ctx context.Context, at cmdutil.Location) (kms.PolicyDocument, error) {
	if len(o.principals) == 1 && o.principals[0] == "none" {
		return kms.KeyPolicy(at.Partition, at.Account, nil), nil
	}
	creator, note, err := kms.Principal(ctx, at.Clients, at.Caller.ARN)
	if ctx.Err() != nil {
		return kms.PolicyDocument{}, context.Cause(ctx)
	}
	principals := o.principals
	switch {
	case err != nil:
		o.factory.Warn(fmt.Errorf("the key policy does not name the caller: %w", err))
	case note != "":
		fmt.Fprintln(o.factory.ErrOut, "note: "+note)
	}
	if len(principals) == 0 && creator != "" {
		principals = []string{creator}
	}
	policy := kms.KeyPolicy(at.Partition, at.Account, principals)
	if creator != "" && !strings.HasSuffix(creator, ":root") { // the policy names the root already
		policy = policy.WithCreator(creator)
	}
	return policy, nil
}

// printDryRun prints the commands and the policy without creating anything.
func (o *createOptions) printDryRun(at cmdutil.Location, policy kms.PolicyDocument) error {
	raw, err := json.Marshal(policy)
	if err != nil {
		return err
	}
	plan := o.plan(at.Place)
	plan.Policy, plan.Commands = raw, o.creation.Commands(at.Clients.CLI(at.Region))
	return o.factory.Print(plan, func(w io.Writer, _ output.Colour, _ bool) error {
		fmt.Fprintf(w, "# Nothing was created. In %s, account %s, this would be done:\n", at.Region, at.Account)
		for _, c := range plan.Commands {
			fmt.Fprintln(w, c)
		}
		_, err := fmt.Fprintf(w, "\n# policy.json\n%s", policy)
		return err
	})
}

func (o *createOptions) plan(at kms.Place) *keyCreation {
	return &keyCreation{
		TypeMeta:   v1alpha1.TypeMeta("KeyCreation"),
		ObjectMeta: metav1.ObjectMeta{Name: strings.TrimPrefix(o.creation.Alias, "alias/")},
		Region:     at.Region, Account: at.Account, Commands: []string{},
	}
}

// keyCreation is the dry run as data.
type keyCreation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Region   string          `json:"region"`
	Account  string          `json:"account"`
	Policy   json.RawMessage `json:"policy,omitempty"`
	Commands []string        `json:"commands"`
	// Existing is the key that the alias names already, so that nothing would be created.
	Existing *v1alpha1.KeyListItem `json:"existing,omitempty"`
}

// DeepCopyObject is needed by the printers of kubectl.
func (k *keyCreation) DeepCopyObject() k8sruntime.Object { c := *k; return &c }
