package generate

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents/guardrails"
)

type guardrailsOptions struct {
	factory *cmdutil.Factory
	guardrails.Options
	format string
	only   []string
}

func newGuardrailsCmd(f *cmdutil.Factory) *cobra.Command {
	o := &guardrailsOptions{factory: f}
	cmd := newDocumentCmd("guardrails [KEY]", "Print alarms and policies against the loss of the cluster's key",
		`Prints documents that report or deny the calls which make the cluster's key unusable.
If the key is deleted or the grant of EKS revoked, the cluster is lost. KEY is the key
to protect, or else the one that the cluster has. With the ARN of a key it works without
AWS, if the kubeconfig or --cluster-name contains the ARN of the cluster.

  alerts        EventBridge rules, CloudWatch alarms and an SNS topic, for the account
                and region of the key
  key-policy    a statement for the policy of the key
  scp, rcp      a service control policy and a resource control policy for the account
                of the key
  creation-scp  a service control policy: new clusters need an approved key
  prometheus    a PrometheusRule on the metrics that API servers have of their KMS plugin

The policies do not limit AWS services, nor the principals of --break-glass with their
sessions. In JSON and YAML, several documents are the fields of one object; alerts are
calls of the AWS CLI with their input. CloudFormation supports alerts and the policies
of the organization. Changes nothing.`,
		`  # Everything as Terraform
  kubectl eks-encrypt generate guardrails --for terraform --break-glass arn:aws:iam::111122223333:role/break-glass

  # A stack of alerts
  kubectl eks-encrypt generate guardrails --for cloudformation --only alerts

  # The rules for Prometheus
  kubectl eks-encrypt generate guardrails --only prometheus | kubectl apply --dry-run=server -f -`,
		func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) })
	cmd.ValidArgsFunction = f.CompleteKey()
	flags := cmd.Flags()
	flags.StringVar(&o.format, "for", string(guardrails.JSON), "Format: "+join(guardrails.Formats()))
	flags.StringSliceVar(&o.only, "only", nil, "Documents: "+join(guardrails.Documents())+"; default: all")
	flags.StringSliceVar(&o.BreakGlass, "break-glass", nil,
		"ARN of a user or role that may still make these calls; may be repeated")
	flags.StringVar(&o.Topic, "topic", "", "ARN of the SNS topic for the alerts; default: create one")
	flags.StringSliceVar(&o.ApprovedKeys, "approved-key", nil,
		"Pattern for the ARNs of the keys that new clusters may use; may be repeated; default: KEY")
	cmdutil.CompleteFlag(cmd, "for", texts(guardrails.Formats())...)
	cmdutil.CompleteFlag(cmd, "only", texts(guardrails.Documents())...)
	return cmd
}

func texts[T ~string](values []T) (result []string) {
	for _, v := range values {
		result = append(result, string(v))
	}
	return result
}

func join[T ~string](values []T) string { return strings.Join(texts(values), ", ") }

func (o *guardrailsOptions) validate() error {
	if !slices.Contains(texts(guardrails.Formats()), o.format) {
		return cmdutil.UsageErrorf("--for %q is not a known format: use one of %s", o.format, join(guardrails.Formats()))
	}
	for _, d := range o.only {
		if !slices.Contains(guardrails.Documents(), guardrails.Document(d)) {
			return cmdutil.UsageErrorf("--only %q is not a known document: use %s", d, join(guardrails.Documents()))
		}
		o.Only = append(o.Only, guardrails.Document(d))
	}
	if err := o.Validate(guardrails.Format(o.format)); err != nil {
		return cmdutil.UsageErrorf("%w", err)
	}
	return nil
}

func (o *guardrailsOptions) run(ctx context.Context, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	if err := o.locate(ctx, args); err != nil {
		return err
	}
	text, notes, err := guardrails.Print(o.Options, guardrails.Format(o.format))
	if err != nil {
		return cmdutil.UsageErrorf("%w", err)
	}
	for _, text := range notes {
		note(o.factory, "%s", text)
	}
	return o.factory.PrintDocument(text)
}

// locate sets the ARNs of the cluster and of its key.
func (o *guardrailsOptions) locate(ctx context.Context, args []string) error {
	if len(args) > 0 {
		p, err := locate(ctx, o.factory)
		if err != nil {
			return err
		}
		o.ClusterARN = p.arn()
		o.KeyARN, err = p.keyARN(ctx, o.factory, args[0])
		return err
	}
	c, err := inspect(ctx, o.factory)
	if err != nil {
		return err
	}
	o.ClusterARN, o.KeyARN = c.Report.Cluster.ARN, c.Report.Encryption.KeyARN
	if o.KeyARN == "" {
		return errNoKey()
	}
	return nil
}
