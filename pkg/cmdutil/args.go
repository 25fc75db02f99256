package cmdutil

import (
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// suggestionDistance is the largest edit distance between a word and a suggestion.
const suggestionDistance = 2

// NoArgs is a cobra.PositionalArgs that refuses arguments.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return UsageErrorf("unexpected argument %q", args[0])
	}
	return nil
}

// AtMostOneArg is a cobra.PositionalArgs that refuses a second argument.
func AtMostOneArg(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return UsageErrorf("unexpected argument %q: at most one is allowed", args[1])
	}
	return nil
}

// SubcommandArgs is a cobra.PositionalArgs for a command with subcommands. It refuses
// arguments and suggests the subcommand of a similar name.
func SubcommandArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = suggestionDistance
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		return UsageErrorf("unknown command %q: did you mean %q?", args[0], s[0])
	}
	return UsageErrorf("unknown command %q", args[0])
}

// FlagError adds the flag of a similar name to an error about an unknown flag.
func FlagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		// Cobra compares words only with the names of commands.
		names := &cobra.Command{SuggestionsMinimumDistance: suggestionDistance}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
			}
		})
		if s := names.SuggestionsFor(unknown.GetSpecifiedName()); len(s) > 0 {
			return UsageErrorf("%w: did you mean --%s?", err, s[0])
		}
	}
	return UsageErrorf("%w", err)
}
