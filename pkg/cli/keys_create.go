package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

func keysLine(done, total int) string { return fmt.Sprintf("keys: %d of %d described", done, total) }

type keysCreateOptions struct {
	*globals
	creation   kms.Creation
	tags       []string
	principals []string
	dryRun     string
	yes        bool
}

func newKeysCreate(g *globals) *cobra.Command {
	o := &keysCreateOptions{globals: g}
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a KMS key that a cluster can take",
		Long: `Creates a symmetric encrypt/decrypt key in the cluster's region, with a key policy
that leaves the account in control and lets you associate it, with rotation, and
with an alias if you name one. Its ARN is printed the moment it exists.

KMS has no way to repeat this safely: if it fails after that, finish the key that
exists (the error says how) instead of making another. A key costs money for as
long as it exists.

Exit codes: 0 created; 1 failed, perhaps after the key was made; 2 usage.`,
		Example: `  # See everything first
  kubectl eks-encrypt keys create --alias alias/payments --dry-run=client

  # One that Palette and Cluster API can use, rotating every 180 days
  kubectl eks-encrypt keys create --alias alias/cluster-api-provider-aws-payments --rotation-days 180 --yes`,
		Args: noArgs,
		RunE: action(o.run),
	}
	f := cmd.Flags()
	f.StringVar(&o.creation.Alias, "alias", "", "Alias of the key, alias/NAME")
	f.StringVar(&o.creation.Description, "description", "Envelope encryption of EKS clusters", "Description of the key")
	f.BoolVar(&o.creation.MultiRegion, "multi-region", false, "Make it a multi-Region primary key")
	f.BoolVar(&o.creation.Rotate, "rotate", true, "Turn automatic rotation on")
	f.Int32Var(&o.creation.RotationDays, "rotation-days", 0, "Days between rotations, 90 to 2560 (default: KMS's own 365)")
	f.StringArrayVar(&o.tags, "tag", nil, "Tag KEY=VALUE; may be repeated")
	f.StringSliceVar(&o.principals, "principal", nil, "ARN of a user or role that may associate the key, instead of yourself; none for the account alone")
	f.BoolVar(&o.yes, "yes", false, "Don't ask")
	addDryRun(cmd, &o.dryRun)
	return cmd
}

func (o *keysCreateOptions) run(cmd *cobra.Command, _ []string) error {
	ctx := cmd.Context()
	dry, err := dryRun(cmd, o.dryRun)
	if err != nil {
		return err
	}
	if !dry && o.needsYes(o.yes) {
		return usage(cmd, "nobody can be asked here: pass --yes, or --dry-run=client to see what it does")
	}
	c := &o.creation
	for _, tag := range o.tags {
		key, value, _ := strings.Cut(tag, "=")
		c.Tags = append(c.Tags, kms.Tag{Key: key, Value: value})
	}
	if err := c.Validate(); err != nil {
		return usage(cmd, "%w", err)
	}
	clients, where, err := o.place(ctx)
	if err != nil {
		return err
	}
	principals := o.principals
	if len(principals) == 1 && principals[0] == "none" {
		principals = nil
	} else if len(principals) == 0 {
		_, caller, err := clients.Caller(ctx)
		if err != nil {
			return err
		}
		if p, ok := kms.PolicyPrincipal(caller); ok {
			principals = []string{p}
		} else {
			fmt.Fprintf(o.ErrOut, "note: the role behind %s can't be told, so the key policy names the account alone; name one with --principal\n", caller)
		}
	}
	policy := kms.KeyPolicy(where.Partition, where.Account, principals)
	c.Policy = policy.String()
	if dry {
		return o.rehearse(where, policy)
	}
	if !o.yes {
		answer, err := o.ask(ctx, fmt.Sprintf("Create a KMS key in %s, account %s? It costs money for as long as it exists. [y/N] ", where.Region, where.Account))
		if err != nil {
			return err
		}
		if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
			return fmt.Errorf("not confirmed: nothing was created")
		}
	}
	told := o.Out
	if !o.format.ForPeople() {
		told = o.ErrOut
	}
	key, err := kms.Create(ctx, clients.KMS(where.Region), *c, where.Region, func(arn string) { fmt.Fprintln(told, arn) })
	if err != nil {
		return err
	}
	if o.format.ForPeople() {
		fmt.Fprintf(o.ErrOut, "created; next: kubectl eks-encrypt associate %s\n", key.ARN)
		return nil
	}
	list := &v1alpha1.KeyList{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList), Region: where.Region, Account: where.Account,
		Items: []v1alpha1.KeyListItem{key.Item(where)},
	}
	return o.format.Print(o.Out, list)
}

// rehearse prints all that would be done.
func (o *keysCreateOptions) rehearse(where kms.Place, policy kms.PolicyDocument) error {
	commands := o.creation.Commands(where.Region)
	if !o.format.ForPeople() {
		raw, err := json.Marshal(policy)
		if err != nil {
			return err
		}
		return o.format.Print(o.Out, &keyCreation{
			TypeMeta: v1alpha1.TypeMeta("KeyCreation"), ObjectMeta: metav1.ObjectMeta{Name: strings.TrimPrefix(o.creation.Alias, "alias/")},
			Region: where.Region, Account: where.Account, Policy: raw, Commands: commands,
		})
	}
	fmt.Fprintf(o.Out, "# Nothing was created. In %s, account %s, this would be done:\n", where.Region, where.Account)
	for _, c := range commands {
		fmt.Fprintln(o.Out, c)
	}
	_, err := fmt.Fprintf(o.Out, "\n# policy.json\n%s", policy)
	return err
}

type keyCreation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Region   string          `json:"region"`
	Account  string          `json:"account"`
	Policy   json.RawMessage `json:"policy"`
	Commands []string        `json:"commands"`
}

// DeepCopyObject makes it printable by the kubectl printers.
func (k *keyCreation) DeepCopyObject() k8sruntime.Object { c := *k; return &c }
