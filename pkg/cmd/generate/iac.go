package generate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

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

func newIaCCmd(f *cmdutil.Factory) *cobra.Command {
	var form, namespace, name string
	forms := strings.Join(formNames(), ", ")
	cmd := newDocumentCmd("iac [KEY]", "Print the encryption settings for the cluster's infrastructure code",
		`Prints the snippet that makes infrastructure code agree with the cluster's key: the
current one, or KEY before an association. It contains the ARN of the key, never an
alias, which would always differ from what EKS returns. For CloudFormation and CDK it
says not to change the code, because adding the key would replace the cluster.

Without --for, it is for the tool that the cluster's tags name.`,
		`  # For the tool that the tags name
  kubectl eks-encrypt generate iac

  # For Terraform, which leaves no tags of its own
  kubectl eks-encrypt generate iac --for terraform`,
		func(cmd *cobra.Command, args []string) error {
			if form != "" && !slices.Contains(formNames(), form) {
				return cmdutil.UsageErrorf("--for %q is not a known tool: use one of %s", form, forms)
			}
			ctx := cmd.Context()
			c, err := inspect(ctx, f)
			if err != nil {
				return err
			}
			key, err := c.keyARN(ctx, args)
			if err != nil {
				return err
			}
			if key == "" {
				return errNoKey()
			}
			if form == "" {
				if form = formOf(c.Report.Cluster.ManagedBy); form == "" {
					return cmdutil.UsageErrorf("the cluster's tags name no tool: pass --for, one of %s", forms)
				}
			}
			values := iac.Values{Cluster: c.Name, Region: c.Region, KeyARN: key, Namespace: namespace, Name: name}
			if namespace == "" && name == "" && c.Report.Cluster.Guard == v1alpha1.GuardMatch {
				values = withOwner(ctx, c, iac.Form(form), values)
			}
			text, err := iac.Snippet(iac.Form(form), values)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(f.Out, text)
			return err
		})
	cmd.ValidArgsFunction = f.CompleteKey()
	flags := cmd.Flags()
	flags.StringVar(&form, "for", "", "Tool: "+forms)
	flags.StringVar(&namespace, "object-namespace", "",
		"Namespace of the object that describes the cluster (CAPA, ACK), if it is not found in the cluster")
	flags.StringVar(&name, "object-name", "", "Name of that object")
	cmdutil.CompleteFlag(cmd, "for", formNames()...)
	return cmd
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
	if form != iac.FormCAPA && form != iac.FormACK {
		return v
	}
	if find := cmdutil.OwnerFinder(c.Binding); find != nil {
		for _, owner := range find(ctx, c.Report.Cluster.ARN) {
			if formOf(&v1alpha1.ManagedBy{Tool: owner.Tool}) == string(form) {
				v.Namespace, v.Name = owner.Namespace, owner.Name
			}
		}
	}
	return v
}
