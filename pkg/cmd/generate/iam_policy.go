package generate

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

type iamOptions struct {
	factory *cmdutil.Factory
	documents.IAMOptions
	anyKey   string
	importTo string
}

func newIAMPolicyCmd(f *cmdutil.Factory) *cobra.Command {
	o := &iamOptions{factory: f}
	cmd := newDocumentCmd("iam-policy [KEY]", "Print the IAM policy that a set of commands needs",
		`Prints the least IAM policy for a set of commands on this cluster and key. It works
without AWS if the kubeconfig contains the ARN of the cluster and KEY is the ARN of a
key. For --for create-key, KEY is the alias that the new key will get.

Without KEY, the actions that only read keys are for all keys of the cluster's account
and region. An association needs a grant, which allows its holder to decrypt: it is never
for all keys. Name the key, or limit the keys with --any-key.

It contains only what the commands cannot work without; --optional adds the actions
that make the answers more detailed. For --for associate, the key's own policy must
allow the same, unless it leaves that to IAM: see generate key-policy. --for palette
prints what the controller policy of Palette lacks for the encryption of secrets. The
right to finish a new key comes from its key policy, which 'keys create' writes.`,
		`  # For the person who associates the key
  kubectl eks-encrypt generate iam-policy --for associate alias/payments

  # For a team that may associate any key with such an alias
  kubectl eks-encrypt generate iam-policy --for associate --any-key 'alias/eks-*'

  # For a read-only pipeline, with all details
  kubectl eks-encrypt generate iam-policy --for status --optional

  # For the cloud account of Palette
  kubectl eks-encrypt generate iam-policy --for palette alias/payments`,
		func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) })
	cmd.ValidArgsFunction = f.CompleteKey()
	cmd.Flags().StringVar(&o.For, "for", "status",
		"Commands: status, keys, associate, create-key, verify, audit, palette or all")
	cmd.Flags().StringVar(&o.anyKey, "any-key", "",
		"Instead of KEY: allow all keys with an alias (alias/eks-*) or a tag (KEY=VALUE)")
	cmd.Flags().BoolVar(&o.Optional, "optional", false, "Add the actions that only make the answers more detailed")
	cmd.Flags().StringVar(&o.importTo, "import", "", "Add the actions of 'audit --import securityhub'")
	cmdutil.CompleteFlag(cmd, "import", "securityhub")
	cmdutil.CompleteFlag(cmd, "for", documents.Purposes()...)
	return cmd
}

func (o *iamOptions) run(ctx context.Context, args []string) (err error) {
	switch {
	case !slices.Contains(documents.Purposes(), o.For):
		return cmdutil.UsageErrorf("--for %q is not known: use one of %s", o.For, strings.Join(documents.Purposes(), ", "))
	case o.importTo != "" && o.importTo != "securityhub":
		return cmdutil.UsageErrorf("--import %q is not valid: use securityhub", o.importTo)
	case o.importTo != "" && o.For != "audit" && o.For != "all":
		return cmdutil.UsageErrorf("--import needs --for audit or --for all")
	case o.anyKey != "" && len(args) > 0:
		return cmdutil.UsageErrorf("pass either KEY or --any-key")
	case o.anyKey == "" && len(args) == 0 && documents.NeedsKey(o.For):
		return cmdutil.UsageErrorf("KEY is required for --for %s: a grant on every key would let its holder decrypt with"+
			" each. To limit the keys otherwise, pass --any-key", o.For)
	case o.anyKey != "":
		if o.KeyCondition, err = documents.ParseKeyCondition(o.anyKey); err != nil {
			return cmdutil.UsageErrorf("--any-key: %w", err)
		}
	}
	p, err := locate(ctx, o.factory)
	if err != nil {
		return err
	}
	o.ClusterARN, o.KeyARN = p.arn(), p.anyKeyARN()
	o.Import = o.importTo != ""
	switch {
	case len(args) > 0 && o.For == "create-key" && strings.HasPrefix(args[0], "alias/"):
		if err := (kms.Creation{Alias: args[0]}).Validate(); err != nil {
			return cmdutil.UsageErrorf("%w", err)
		}
		o.Alias = args[0]
	case len(args) > 0:
		if o.KeyARN, err = p.keyARN(ctx, o.factory, args[0]); err != nil {
			return err
		}
	}
	d, err := documents.IAMPolicy(o.IAMOptions)
	if err != nil {
		return err
	}
	if o.For == "palette" {
		note(o.factory, "PaletteControllersEKSPolicy already allows eks:AssociateEncryptionConfig; for an account with only"+
			" Palette's minimum static permissions, add the policy of --for associate")
	}
	return o.factory.PrintDocument(string(sanitize.JSON([]byte(d.String()))))
}
