package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help writes kubectl's kind of help: what it is, examples, commands, the
// command's own options, and where the global ones are. Cobra's templates would
// link text/template in and with it a third more binary.
func help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintln(w, strings.TrimSpace(text))
	if cmd.Example != "" {
		section(w, "Examples:", strings.Trim(cmd.Example, "\n"))
	}
	commands(w, cmd)
	if flags := ownFlags(cmd); flags.HasAvailableFlags() {
		section(w, "Options:", strings.TrimRight(flagUsages(flags), "\n"))
	}
	section(w, "Usage:", "  "+useLine(cmd))
	root := cmd.Root().CommandPath()
	fmt.Fprintln(w)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "Use \"%s <command> --help\" for more about a command.\n", cmd.CommandPath())
	}
	fmt.Fprintf(w, "Use \"%s options\" for the options that every command takes.\n", root)
}

func section(w io.Writer, title, body string) { fmt.Fprintf(w, "\n%s\n%s\n", title, body) }

func commands(w io.Writer, cmd *cobra.Command) {
	list := func(title, group string) {
		var b strings.Builder
		for _, c := range cmd.Commands() {
			if c.GroupID == group && (c.IsAvailableCommand() || c.Name() == "help") {
				fmt.Fprintf(&b, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
		if b.Len() > 0 {
			section(w, title, strings.TrimRight(b.String(), "\n"))
		}
	}
	for _, g := range cmd.Groups() {
		list(g.Title, g.ID)
	}
	list("Commands:", "")
}

// ownFlags are the options of the command itself, with -o, which matters to all.
func ownFlags(cmd *cobra.Command) *pflag.FlagSet {
	flags := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	flags.SortFlags = true
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags.AddFlag(f)
		}
	})
	if cmd.Runnable() && cmd.Annotations[withoutOutput] == "" {
		if o := cmd.Root().PersistentFlags().Lookup("output"); o != nil {
			flags.AddFlag(o)
		}
	}
	return flags
}

// flagUsages lists flags as kubectl does. Newer pflags add "[=true|false]" to every
// switch, which nobody needs to read.
func flagUsages(flags *pflag.FlagSet) string {
	const noise = "[=true|false]"
	return strings.ReplaceAll(flags.FlagUsagesWrapped(100), noise, strings.Repeat(" ", len(noise)))
}

// withoutOutput marks commands for which -o means nothing.
const withoutOutput = "without-output"

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() && !cmd.HasParent() {
		return cmd.CommandPath() + " [command] [options]"
	}
	return strings.Replace(cmd.UseLine(), "[flags]", "[options]", 1)
}

// shortUsage is what a mistake on the command line gets; the error itself names
// the help.
func shortUsage(cmd *cobra.Command) error {
	_, err := fmt.Fprintf(cmd.OutOrStderr(), "Usage:\n  %s\n", useLine(cmd))
	return err
}

func newOptions() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "options",
		Short:   "Show the options that every command takes",
		GroupID: groupOther,
		Long: `Shows the options that every command takes: kubectl's own, and those that say which
cluster is meant and as whom to ask AWS.`,
		Example: `  # All of them
  kubectl eks-encrypt options

  # One used: each request to AWS and to the API server, on stderr
  kubectl eks-encrypt status -v 6`,
		Annotations: map[string]string{withoutOutput: "true"},
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The following options can be passed to any command:\n\n%s",
				flagUsages(cmd.Root().PersistentFlags()))
			return err
		},
	}
	return cmd
}
