package generate

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
)

func formNames() (names []string) {
	for _, f := range iac.Forms() {
		names = append(names, string(f))
	}
	return names
}

type iacOptions struct {
	factory               *cmdutil.Factory
	form, namespace, name string
}

func newIaCCmd(f *cmdutil.Factory) *cobra.Command {
	o := &iacOptions{factory: f}
	cmd := newDocumentCmd("iac [KEY]", "Print the encryption settings for the cluster's infrastructure code",
		`Prints the snippet that makes infrastructure code agree with the cluster's key: the
current one, or KEY before an association. It contains the ARN of the key, never an
alias, which would always differ from what EKS returns. For CloudFormation and CDK it
is a warning not to change the code, because adding the key would replace the cluster.

Without --for, it is for the tool that the cluster's tags name. With --for and the ARN
of a key, it works without AWS if the kubeconfig contains the ARN of the cluster.`,
		`  # For the tool that the tags name
  kubectl eks-encrypt generate iac

  # For Terraform, which leaves no tags of its own
  kubectl eks-encrypt generate iac --for terraform`,
		func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) })
	cmd.ValidArgsFunction = f.CompleteKey()
	flags := cmd.Flags()
	flags.StringVar(&o.form, "for", "", "Tool: "+strings.Join(formNames(), ", "))
	flags.StringVar(&o.namespace, "object-namespace", "",
		"Namespace of the object that describes the cluster (CAPA, ACK), if it is not found in the cluster")
	flags.StringVar(&o.name, "object-name", "", "Name of that object")
	cmdutil.CompleteFlag(cmd, "for", formNames()...)
	return cmd
}

func (o *iacOptions) validate() error {
	switch forms := strings.Join(formNames(), ", "); {
	case o.form != "" && !slices.Contains(formNames(), o.form):
		return cmdutil.UsageErrorf("--for %q is not a known tool: use one of %s", o.form, forms)
	case o.namespace != "" && len(validation.IsDNS1123Label(o.namespace)) > 0:
		return cmdutil.UsageErrorf("--object-namespace %q is not a valid name of a namespace", o.namespace)
	case o.name != "" && len(validation.IsDNS1123Subdomain(o.name)) > 0:
		return cmdutil.UsageErrorf("--object-name %q is not a valid name of an object", o.name)
	}
	return nil
}

func (o *iacOptions) run(ctx context.Context, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	p, complete := named(o.factory)
	complete = complete && o.form != "" && len(args) > 0 && isKeyARN(args[0])
	if complete && !o.needsOwner() {
		return o.printOffline(ctx, p, args[0])
	}
	c, err := inspect(ctx, o.factory)
	if err != nil && complete {
		note(o.factory, "NAMESPACE and NAME are placeholders: %v", err)
		return o.printOffline(ctx, p, args[0])
	}
	if err != nil {
		return err
	}
	key, err := c.keyARN(ctx, o.factory, args)
	if err != nil {
		return err
	}
	if key == "" {
		return errNoKey()
	}
	if o.form == "" {
		if o.form = formOf(c.Report.Cluster.ManagedBy); o.form == "" {
			return cmdutil.UsageErrorf("the cluster's tags name no tool: pass --for, one of %s",
				strings.Join(formNames(), ", "))
		}
	}
	values := o.values(c.Name, c.Region, key)
	if o.needsOwner() && c.Report.Cluster.Guard == v1alpha1.GuardMatch {
		values = withOwner(ctx, c, iac.Form(o.form), values)
	}
	return o.print(values)
}

// needsOwner reports whether the snippet patches an object of the cluster that the flags do not name.
func (o *iacOptions) needsOwner() bool {
	return o.namespace == "" && o.name == "" &&
		(o.form == string(iac.FormCAPA) || o.form == string(iac.FormACK))
}

func (o *iacOptions) values(cluster, region, key string) iac.Values {
	return iac.Values{Cluster: cluster, Region: region, KeyARN: key, Namespace: o.namespace, Name: o.name}
}

func (o *iacOptions) printOffline(ctx context.Context, p place, key string) error {
	key, err := p.keyARN(ctx, o.factory, key)
	if err != nil {
		return err
	}
	return o.print(o.values(p.Name, p.Region, key))
}

func (o *iacOptions) print(values iac.Values) error {
	text, err := iac.Snippet(iac.Form(o.form), values)
	if err != nil {
		return err
	}
	return o.factory.PrintDocument(text)
}

func formOf(m *v1alpha1.ManagedBy) string {
	if m == nil {
		return ""
	}
	form, _ := iac.FormOf(*m)
	return string(form)
}

// withOwner fills in the name of the object that describes the cluster, if the form
// patches such an object and the cluster contains it.
func withOwner(ctx context.Context, c *cluster, form iac.Form, v iac.Values) iac.Values {
	if find := cmdutil.OwnerFinder(c.Binding); find != nil {
		for _, owner := range find(ctx, c.Report.Cluster.ARN) {
			if formOf(&v1alpha1.ManagedBy{Tool: owner.Tool}) == string(form) {
				v.Namespace, v.Name = owner.Namespace, owner.Name
			}
		}
	}
	return v
}
