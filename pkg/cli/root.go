package cli

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // OIDC users exist on EKS, too
)

// Groups of the help.
const (
	groupInspect = "inspect"
	groupChange  = "change"
	groupOther   = "other"
)

// newRoot makes the command tree. Without a command it is status.
func newRoot(g *globals) *cobra.Command {
	status := newStatus(g)
	root := &cobra.Command{
		Use:   "eks-encrypt",
		Short: "Say whether an EKS cluster's data is encrypted, with whose key, and change it",
		Long: `Says, for the EKS cluster behind the current kube context: is its data
envelope-encrypted, with whose key, is that key healthy, and is the old data
under it too. And makes the change: associates a KMS key, and rewrites what was
stored before.

Without a command it shows the status.`,
		Example:           status.Example,
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl eks-encrypt"},
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              knownCommand,
		RunE:              status.RunE,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return g.validate(cmd) },
	}
	root.SetIn(g.In)
	root.SetOut(g.Out)
	root.SetErr(g.ErrOut)
	root.SetHelpFunc(help)
	root.SetUsageFunc(shortUsage)
	root.SetFlagErrorFunc(flagError)
	g.addFlags(root.PersistentFlags())
	root.Flags().AddFlagSet(status.LocalNonPersistentFlags())
	root.AddGroup(
		&cobra.Group{ID: groupInspect, Title: "Inspect:"},
		&cobra.Group{ID: groupChange, Title: "Change:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	root.AddCommand(
		status,
		newVerify(g),
		newKeys(g),
		newAudit(g),
		newGenerate(g),
		newAssociate(g),
		newRewrite(g),
		newVersion(g),
		newOptions(),
		newCompletion(g),
	)
	root.SetHelpCommandGroupID(groupOther)
	completeGlobals(root, g)
	return root
}

// knownCommand refuses arguments of the bare plugin, with what was perhaps meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		return usage(cmd, "unknown command %q: did you mean %q?", args[0], s[0])
	}
	return usage(cmd, "unknown command %q", args[0])
}

// flagError says which flag was perhaps meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		// Cobra measures how far words are apart, but only for names of commands.
		names := &cobra.Command{SuggestionsMinimumDistance: 2}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
			}
		})
		if s := names.SuggestionsFor(unknown.GetSpecifiedName()); len(s) > 0 {
			return usage(cmd, "%w: did you mean --%s?", err, s[0])
		}
	}
	return usage(cmd, "%w", err)
}
