package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
)

func formNames() (names []string) {
	for _, f := range iac.Forms() {
		names = append(names, string(f))
	}
	return names
}

func newIaC(g *globals) *cobra.Command {
	var form, namespace, name string
	cmd := document("iac [KEY]", "Print what the code that describes the cluster must say",
		`Prints the snippet that makes infrastructure code agree with the cluster's key: the
live one, or KEY before an association. It carries the ARN of the key, never an
alias, which would differ from EKS's answer for ever. For CloudFormation and CDK it
says to leave the code alone, since adding the key would replace the cluster.

Without --for it is the tool that the cluster's tags name.`,
		`  # For the tool that the tags name
  kubectl eks-encrypt generate iac

  # For Terraform, which leaves no tags of its own
  kubectl eks-encrypt generate iac --for terraform`,
		func(cmd *cobra.Command, args []string) error {
			if form != "" && !slices.Contains(formNames(), form) {
				return usage(cmd, "unknown --for %q: one of %s", form, strings.Join(formNames(), ", "))
			}
			l, err := g.live(cmd.Context())
			if err != nil {
				return err
			}
			key, err := l.key(cmd.Context(), args)
			if err != nil {
				return err
			}
			if key == "" {
				return usage(cmd, "the cluster has no customer key yet: name the key to be")
			}
			if form == "" {
				if form = formOf(l.result.Report.Cluster.ManagedBy); form == "" {
					return usage(cmd, "no tag tells who manages the cluster: pass --for, one of %s", strings.Join(formNames(), ", "))
				}
			}
			values := iac.Values{Cluster: l.target.Name, Region: l.target.Region, KeyARN: key, Namespace: namespace, Name: name}
			if namespace == "" && name == "" && l.result.Report.Cluster.Guard == v1alpha1.GuardMatch {
				values = g.ownedBy(cmd.Context(), iac.Form(form), values)
			}
			text, err := iac.Snippet(iac.Form(form), values)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(g.Out, text)
			return err
		})
	cmd.ValidArgsFunction = g.completeKey()
	cmd.Flags().StringVar(&form, "for", "", "Tool: "+strings.Join(formNames(), ", "))
	cmd.Flags().StringVar(&namespace, "object-namespace", "", "Namespace of the object that describes the cluster (CAPA, ACK), if it isn't found in the cluster")
	cmd.Flags().StringVar(&name, "object-name", "", "Name of that object")
	register(cmd, "for", cobra.FixedCompletions(formNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func formOf(m *v1alpha1.ManagedBy) string {
	if m == nil {
		return ""
	}
	form, _ := iac.FormOf(*m)
	return string(form)
}

// ownedBy fills in the object that describes the cluster, where the form patches one
// and the cluster holds it.
func (g *globals) ownedBy(ctx context.Context, form iac.Form, v iac.Values) iac.Values {
	if form != iac.FormCAPA && form != iac.FormACK {
		return v
	}
	if find := g.owner(v.Cluster); find != nil {
		if owner := find(ctx); owner != nil && formOf(&v1alpha1.ManagedBy{Tool: owner.Tool}) == string(form) {
			v.Namespace, v.Name = owner.Namespace, owner.Name
		}
	}
	return v
}

func newRunbook(g *globals) *cobra.Command {
	o := &associateOptions{globals: g}
	cmd := document("runbook [KEY]", "Print a change record for associating a key with this cluster",
		`Prints a change record in Markdown for THIS cluster: its state before, the checks of
the plan, what becomes of the tool that manages it, the commands with their waits,
the verification, the evidence to keep, and that there is no way back. KEY is the
key to be, or the one the cluster has. Changes nothing.`,
		`  # For the ticket
  kubectl eks-encrypt generate runbook alias/payments > change.md

  # Of another cluster of the kubeconfig, with the key that it has
  kubectl eks-encrypt generate runbook --context payments-prod`,
		func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := o.validateManager(cmd); err != nil {
				return err
			}
			l, err := g.live(ctx)
			if err != nil {
				return err
			}
			key := l.result.Report.Encryption.KeyARN
			if len(args) > 0 {
				key = args[0]
			}
			if key == "" {
				return usage(cmd, "the cluster has no customer key yet: name the key to be")
			}
			facts, err := association.Gather(ctx, o.sources(l.target, l.clients), association.Request{
				Cluster: l.result.Report.Cluster, NameByFlag: l.target.NameByFlag, Key: key, Account: l.account,
			})
			if err != nil {
				return err
			}
			if facts.KeyErr != nil {
				return facts.KeyErr
			}
			plan, _ := association.Plan(facts)
			a := &associating{associateOptions: o, target: l.target, facts: facts}
			_, err = fmt.Fprint(g.Out, documents.Runbook{
				Report: l.result.Report, Plan: plan, Flags: a.flags(), ManagedBy: o.managedBy, Now: time.Now(), Tool: g.version,
			})
			return err
		})
	addManagedBy(cmd, &o.managedBy)
	cmd.ValidArgsFunction = g.completeKey()
	return cmd
}
