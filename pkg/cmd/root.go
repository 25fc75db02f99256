package cmd

import (
	"github.com/spf13/cobra"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // for OIDC users of EKS clusters

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/associate"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/audit"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/evidence"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/generate"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/keys"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/rewrite"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/status"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// Groups of the commands in the help.
const (
	groupInspect = "inspect"
	groupChange  = "change"
	groupOther   = "other"
)

// newRoot returns the command tree. The root command itself is status.
func newRoot(f *cmdutil.Factory) *cobra.Command {
	bare := status.NewOptions(f)
	root := &cobra.Command{
		Use:   "eks-encrypt",
		Short: "Inspect and change the envelope encryption of an EKS cluster",
		Long: `Shows whether the data of an EKS cluster is envelope-encrypted, with which key, and
whether that key is healthy. Can also associate a KMS key and re-encrypt existing
data.

Without a command, it shows the status of the cluster behind the current kube context.`,
		Example:           status.Example,
		Annotations:       cmdutil.WithExtraFormats(status.Formats()),
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cmdutil.SubcommandArgs,
		RunE:              cmdutil.Check(bare.Execute),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return f.Validate(cmd) },
	}
	root.Annotations[cobra.CommandDisplayNameAnnotation] = "kubectl eks-encrypt"
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.ErrOut)
	root.SetHelpFunc(help)
	root.SetUsageFunc(shortUsage)
	root.SetFlagErrorFunc(cmdutil.FlagError)
	f.AddFlags(root.PersistentFlags())
	bare.AddFlags(root)
	root.AddGroup(
		&cobra.Group{ID: groupInspect, Title: "Inspect:"},
		&cobra.Group{ID: groupChange, Title: "Change:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
		}
		root.AddCommand(commands...)
	}
	add(groupInspect, status.NewCmd(f), rewrite.NewVerifyCmd(f), keys.NewCmd(f), audit.NewCmd(f), evidence.NewCmd(f),
		generate.NewCmd(f))
	add(groupChange, associate.NewCmd(f), rewrite.NewCmd(f))
	add(groupOther, newVersion(f), newOptions(), newCompletion(f))
	root.SetHelpCommandGroupID(groupOther)
	cmdutil.CompleteGlobalFlags(root, f)
	return root
}
