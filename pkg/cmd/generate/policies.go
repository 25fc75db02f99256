package generate

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

func newIAMPolicyCmd(f *cmdutil.Factory) *cobra.Command {
	var o documents.IAMOptions
	cmd := newDocumentCmd("iam-policy [KEY]", "Print the IAM policy that a set of commands needs",
		`Prints the least IAM policy for a set of commands on this cluster and key. KEY is the
key to associate, or else the one that the cluster has; without either, the policy is
for all keys of the cluster's account and region.

It contains only what the commands cannot work without; --optional adds the actions
that make the answers more detailed. For --for associate, the key's own policy must
allow the same, unless it leaves that to IAM: see generate key-policy.`,
		`  # For the person who associates the key
  kubectl eks-encrypt generate iam-policy --for associate alias/payments

  # For a read-only pipeline, with all details
  kubectl eks-encrypt generate iam-policy --for status --optional`,
		func(cmd *cobra.Command, args []string) error {
			if _, err := documents.IAMPolicy(o); err != nil {
				return cmdutil.UsageErrorf("--for: %w", err)
			}
			c, err := inspect(cmd.Context(), f)
			if err != nil {
				return err
			}
			o.ClusterARN = c.Report.Cluster.ARN
			if o.KeyARN, err = c.keyARN(cmd.Context(), args); err != nil {
				return err
			}
			if o.KeyARN == "" {
				o.KeyARN = c.anyKeyARN()
			}
			d, err := documents.IAMPolicy(o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(f.Out, d)
			return err
		})
	cmd.ValidArgsFunction = f.CompleteKey()
	cmd.Flags().StringVar(&o.For, "for", "all", "Commands: status, keys, associate, create-key, verify, audit or all")
	cmd.Flags().BoolVar(&o.Optional, "optional", false, "Add the actions that only make the answers more detailed")
	cmdutil.CompleteFlag(cmd, "for", documents.Purposes()...)
	return cmd
}

func newKeyPolicyCmd(f *cmdutil.Factory) *cobra.Command {
	var principals []string
	cmd := newDocumentCmd("key-policy", "Print a key policy that lets you associate the key",
		`Prints a key policy for a key of this cluster: the account keeps control through its
IAM policies, so that it is not locked out, and the principals may associate the key.
The principals are those who run the command, not the cluster's role. Without
--principal it is you.

It is a complete policy: putting it on an existing key replaces that key's policy. To
extend a policy, use only the second statement.`,
		`  # For yourself
  kubectl eks-encrypt generate key-policy > policy.json

  # For a role of another account
  kubectl eks-encrypt generate key-policy --principal arn:aws:iam::444455556666:role/platform`,
		func(cmd *cobra.Command, _ []string) error {
			c, err := inspect(cmd.Context(), f)
			if err != nil {
				return err
			}
			if len(principals) == 0 {
				p, ok := kms.PolicyPrincipal(c.caller)
				if !ok {
					return hint.Wrap(fmt.Errorf("could not determine the role of %s", c.caller),
						"name it with --principal arn:…:role/NAME")
				}
				principals = []string{p}
			}
			_, err = fmt.Fprint(f.Out, kms.KeyPolicy(c.Target.Partition, c.account, principals))
			return err
		})
	cmd.Args = cmdutil.NoArgs
	cmd.Flags().StringSliceVar(&principals, "principal", nil,
		"ARN of a user or role that may associate the key; may be repeated")
	return cmd
}

func newRBACCmd(f *cmdutil.Factory) *cobra.Command {
	var o documents.RBACOptions
	var user, group, account string
	cmd := newDocumentCmd("rbac", "Print the Kubernetes roles that verify and rewrite need",
		`Prints ClusterRole, Role and bindings for verify and rewrite: list and patch on the
resources, the Leases and metrics of the API servers, and access to the record in
ConfigMap kube-system/eks-encrypt. Only --metrics has get. Sends no request. Note that
patch lets its holder change Secrets, but not read them.`,
		`  # For a group of the cluster's access entries
  kubectl eks-encrypt generate rbac --group encryption-operators | kubectl apply -f -

  # Read-only
  kubectl eks-encrypt generate rbac --read-only --for-user auditor`,
		func(*cobra.Command, []string) error {
			subjects := 0
			for kind, name := range map[string]string{"User": user, "Group": group, "ServiceAccount": account} {
				if name != "" {
					o.Kind, o.Subject = kind, name
					subjects++
				}
			}
			if subjects != 1 {
				return cmdutil.UsageErrorf("specify exactly one of --for-user, --group or --service-account")
			}
			text, err := documents.RBAC(o)
			if err != nil {
				return cmdutil.UsageErrorf("%w", err)
			}
			_, err = fmt.Fprint(f.Out, text)
			return err
		})
	cmd.Args = cmdutil.NoArgs
	flags := cmd.Flags()
	flags.StringVar(&o.Name, "name", "eks-encrypt", "Name of the roles and bindings")
	flags.StringVar(&user, "for-user", "", "User that gets the permissions")
	flags.StringVar(&group, "group", "", "Group that gets the permissions")
	flags.StringVar(&account, "service-account", "", "Service account that gets the permissions, NAMESPACE/NAME")
	flags.BoolVar(&o.ReadOnly, "read-only", false, "For verify without --sample and --probe: only list")
	flags.BoolVar(&o.Metrics, "metrics", false, "For verify --by-metrics: get and list, and no write")
	flags.BoolVar(&o.AllResources, "all-resources", false, "For --all-resources")
	return cmd
}
