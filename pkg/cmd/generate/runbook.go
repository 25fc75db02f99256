package generate

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

func newRunbookCmd(f *cmdutil.Factory) *cobra.Command {
	var managedBy cmdutil.ManagedByFlag
	cmd := newDocumentCmd("runbook [KEY]", "Print a change record for associating a key with this cluster",
		`Prints a change record in Markdown for THIS cluster: its state before, the checks of
the plan, how the tool that manages it reacts, the commands with their waits, the
verification, the evidence to keep, and that the change cannot be undone. KEY is the
key to associate, or else the one that the cluster has. Changes nothing.`,
		`  # For the ticket
  kubectl eks-encrypt generate runbook alias/payments > change.md

  # For another cluster of the kubeconfig, with the key that it has
  kubectl eks-encrypt generate runbook --context payments-prod`,
		func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := managedBy.Validate(); err != nil {
				return err
			}
			c, err := inspect(ctx, f)
			if err != nil {
				return err
			}
			key := c.Report.Encryption.KeyARN
			if len(args) > 0 {
				key = args[0]
			}
			if key == "" {
				return errNoKey()
			}
			selection := f.Selection(c.Binding)
			if strings.ContainsFunc(selection, func(r rune) bool { return r == '\n' || r == '\t' || sanitize.Unsafe(r) }) {
				return cmdutil.UsageErrorf("the flags that select the cluster contain control characters, so they cannot be part "+
					"of a command: %q", selection)
			}
			facts, err := association.Gather(ctx, cmdutil.AssociationSources(c.Binding, managedBy), association.Request{
				Cluster: c.Report.Cluster, Key: key, Caller: c.caller, EndpointOverrides: cmdutil.EndpointOverrides(c.AWS),
				CLI: c.AWS.CLI(c.Region),
			})
			if err != nil {
				return err
			}
			if facts.KeyErr != nil {
				return facts.KeyErr
			}
			plan, _ := association.Plan(facts)
			f.QualifyPlan(plan)
			return f.PrintDocument(documents.Runbook{
				Report: c.Report, Plan: plan, Flags: selection, Secrets: f.Secrets(), ManagedBy: managedBy.Tool,
				Now: time.Now(), Tool: f.Version,
			}.String())
		})
	managedBy.AddTo(cmd)
	cmd.ValidArgsFunction = f.CompleteKey()
	return cmd
}
