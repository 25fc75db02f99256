package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

func newIAMPolicy(g *globals) *cobra.Command {
	var o documents.IAMOptions
	cmd := document("iam-policy [KEY]", "Print the IAM policy that a set of commands needs",
		`Prints the least IAM policy for a set of commands on this cluster and key. KEY is the
key to be, or the one the cluster has; without either all keys of the cluster's
account and region are meant.

Only what is indispensable is in it; --optional adds the actions without which the
answers are less detailed. For --for associate the same must be allowed by the key's
own policy, where that does not leave it to IAM: generate key-policy.`,
		`  # For the person who associates the key
  kubectl eks-encrypt generate iam-policy --for associate alias/payments

  # For a read-only pipeline, with all details
  kubectl eks-encrypt generate iam-policy --for status --optional`,
		func(cmd *cobra.Command, args []string) error {
			if _, err := documents.IAMPolicy(o); err != nil {
				return usage(cmd, "--for: %w", err)
			}
			l, err := g.live(cmd.Context())
			if err != nil {
				return err
			}
			o.ClusterARN = l.result.Report.Cluster.ARN
			if o.KeyARN, err = l.key(cmd.Context(), args); err != nil {
				return err
			}
			if o.KeyARN == "" {
				o.KeyARN = l.anyKey()
			}
			d, err := documents.IAMPolicy(o)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(g.Out, d)
			return err
		})
	cmd.ValidArgsFunction = g.completeKey()
	cmd.Flags().StringVar(&o.For, "for", "all", "What for: status, keys, associate, create-key, verify, audit or all")
	cmd.Flags().BoolVar(&o.Optional, "optional", false, "Add what only makes the answers more detailed")
	register(cmd, "for", cobra.FixedCompletions(documents.Purposes(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func newKeyPolicy(g *globals) *cobra.Command {
	var principals []string
	cmd := document("key-policy", "Print a key policy that lets you associate the key",
		`Prints a key policy for a key of this cluster: the account stays in control by its
IAM policies, so that nobody is locked out, and the principals may associate the key.
These are who runs the command, not the cluster's role. Without --principal it is you.

It is a whole policy: putting it on an existing key replaces that key's own. To add
to a policy, take the second statement alone.`,
		`  # For yourself
  kubectl eks-encrypt generate key-policy > policy.json

  # For a role of another account
  kubectl eks-encrypt generate key-policy --principal arn:aws:iam::444455556666:role/platform`,
		func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(cmd, "unexpected argument %q", args[0])
			}
			l, err := g.live(cmd.Context())
			if err != nil {
				return err
			}
			if len(principals) == 0 {
				p, ok := kms.PolicyPrincipal(l.caller)
				if !ok {
					return hinted(fmt.Errorf("the role behind %s can't be told", l.caller), "name it with --principal arn:…:role/NAME")
				}
				principals = []string{p}
			}
			_, err = fmt.Fprint(g.Out, kms.KeyPolicy(l.target.Partition, l.account, principals))
			return err
		})
	cmd.Flags().StringSliceVar(&principals, "principal", nil, "ARN of a user or role that may associate the key; may be repeated")
	return cmd
}

func newRBAC(g *globals) *cobra.Command {
	var o documents.RBACOptions
	var user, group, account string
	cmd := document("rbac", "Print the Kubernetes roles that verify and rewrite need",
		`Prints ClusterRole, Role and bindings for verify and rewrite: list and patch on what
they examine, never get, and the record in ConfigMap kube-system/eks-encrypt. Asks
nobody. Note that patch lets its holder change secrets, though not read them.`,
		`  # For a group of the cluster's access entries
  kubectl eks-encrypt generate rbac --group encryption-operators | kubectl apply -f -

  # For reading alone
  kubectl eks-encrypt generate rbac --read-only --for-user auditor`,
		func(cmd *cobra.Command, args []string) error {
			named := 0
			for kind, name := range map[string]string{"User": user, "Group": group, "ServiceAccount": account} {
				if name != "" {
					o.Kind, o.Subject = kind, name
					named++
				}
			}
			switch {
			case len(args) > 0:
				return usage(cmd, "unexpected argument %q", args[0])
			case named != 1:
				return usage(cmd, "who? one of --for-user, --group, --service-account")
			}
			text, err := documents.RBAC(o)
			if err != nil {
				return usage(cmd, "%w", err)
			}
			_, err = fmt.Fprint(g.Out, text)
			return err
		})
	f := cmd.Flags()
	f.StringVar(&o.Name, "name", "eks-encrypt", "Name of the roles and bindings")
	f.StringVar(&user, "for-user", "", "User that gets the rights")
	f.StringVar(&group, "group", "", "Group that gets the rights")
	f.StringVar(&account, "service-account", "", "Service account that gets the rights, NAMESPACE/NAME")
	f.BoolVar(&o.ReadOnly, "read-only", false, "For verify without --sample and --probe: list alone")
	f.BoolVar(&o.AllResources, "all-resources", false, "For --all-resources")
	return cmd
}
