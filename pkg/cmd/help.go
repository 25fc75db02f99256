package cmd

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// helpTemplate has the sections of kubectl's help: the description, examples, commands
// by group, the command's own options, and where the global options are.
const helpTemplate = `{{with or .Long (print .Short ".")}}{{trim .}}{{end}}
{{if .Example}}
Examples:
{{trimLines .Example}}
{{end}}{{range groups .}}
{{.Title}}
{{range .Commands}}  {{pad .Name}} {{.Short}}
{{end}}{{end}}{{with options .}}
Options:
{{.}}
{{end}}
Usage:
  {{useLine .}}

{{if .HasAvailableSubCommands}}Use "{{.CommandPath}} <command> --help" for more information about a command.
{{end}}Use "{{.Root.CommandPath}} options" for a list of the options of every command.
`

// usageColumns is the width to which the text of options is wrapped.
const usageColumns = 100

// help writes the help of a command.
func help(cmd *cobra.Command, _ []string) {
	t := template.Must(template.New("help").Funcs(template.FuncMap{
		"trim":      strings.TrimSpace,
		"trimLines": func(s string) string { return strings.Trim(s, "\n") },
		"pad":       func(name string) string { return fmt.Sprintf("%-12s", name) },
		"groups":    groups, "options": options, "useLine": useLine,
	}).Parse(helpTemplate))
	if err := t.Execute(cmd.OutOrStdout(), cmd); err != nil {
		cmd.PrintErrln(err)
	}
}

type group struct {
	Title    string
	Commands []*cobra.Command
}

// groups returns the available subcommands of cmd by group.
func groups(cmd *cobra.Command) (all []group) {
	add := func(title, id string) {
		g := group{Title: title}
		for _, c := range cmd.Commands() {
			if c.GroupID == id && (c.IsAvailableCommand() || c.Name() == "help") {
				g.Commands = append(g.Commands, c)
			}
		}
		if len(g.Commands) > 0 {
			all = append(all, g)
		}
	}
	for _, g := range cmd.Groups() {
		add(g.Title, g.ID)
	}
	add("Commands:", "")
	return all
}

// options returns the text of the command's own options and of -o.
func options(cmd *cobra.Command) string {
	flags := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags.AddFlag(f)
		}
	})
	if cmd.Runnable() && cmd.Annotations[cmdutil.WithoutOutput] == "" {
		if o := cmd.Root().PersistentFlags().Lookup("output"); o != nil {
			flags.AddFlag(o)
		}
	}
	if !flags.HasAvailableFlags() {
		return ""
	}
	return strings.TrimRight(flagUsages(flags), "\n")
}

// flagUsages lists flags as kubectl does, without the "[=true|false]" that newer
// versions of pflag add to every boolean flag.
func flagUsages(flags *pflag.FlagSet) string {
	const suffix = "[=true|false]"
	return strings.ReplaceAll(flags.FlagUsagesWrapped(usageColumns), suffix, strings.Repeat(" ", len(suffix)))
}

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() && !cmd.HasParent() {
		return cmd.CommandPath() + " [command] [options]"
	}
	return strings.Replace(cmd.UseLine(), "[flags]", "[options]", 1)
}

// shortUsage is the usage after an error; the error itself names the help.
func shortUsage(cmd *cobra.Command) error {
	_, err := fmt.Fprintf(cmd.OutOrStderr(), "Usage:\n  %s\n", useLine(cmd))
	return err
}

func newOptions() *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "List the options of every command",
		Long: `Lists the options of every command: kubectl's own, and those that select the cluster
and the AWS credentials.`,
		Example: `  # All of them
  kubectl eks-encrypt options

  # Log each request to AWS and to the API server on stderr
  kubectl eks-encrypt status -v 6`,
		Annotations: map[string]string{cmdutil.WithoutOutput: "true"},
		Args:        cmdutil.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The following options can be passed to any command:\n\n%s",
				flagUsages(cmd.Root().PersistentFlags()))
			return err
		},
	}
}
