package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
)

// checkCommandLine returns an error if "kubectl eks-encrypt ARGS" has a command, flag,
// argument or value that does not exist. It runs nothing.
func checkCommandLine(t *testing.T, args []string) error {
	t.Helper()
	if len(args) > 0 && strings.HasPrefix(args[0], "__complete") {
		return nil
	}
	root, _ := tree(t)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil && !errors.Is(err, pflag.ErrHelp) {
		return err
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return nil
	}
	if cmd.Name() == "help" {
		if found, _, err := root.Find(cmd.Flags().Args()); err != nil || len(cmd.Flags().Args()) > 0 && found == root {
			return fmt.Errorf("help of an unknown command: %v", args)
		}
		return nil
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	if err := cmd.ValidateFlagGroups(); err != nil {
		return err
	}
	return checkValues(cmd)
}

// checkValues checks the flags that accept only some values.
func checkValues(cmd *cobra.Command) error {
	for _, name := range []string{"require", "for", "via", "dry-run", "color"} {
		f := cmd.Flags().Lookup(name)
		complete, found := cmd.GetFlagCompletionFunc(name)
		if f == nil || !f.Changed || !found {
			continue
		}
		if words, _ := complete(cmd, nil, ""); !slices.Contains(words, f.Value.String()) {
			return fmt.Errorf("--%s %s: one of %v", name, f.Value, words)
		}
	}
	return nil
}

// TestExamples checks that every command has at least two examples, and that each is a
// valid command line.
func TestExamples(t *testing.T) {
	root, _ := tree(t)
	lines := 0
	walk(root, func(c *cobra.Command) {
		n := 0
		for _, words := range docs.Commands(c.Example) {
			if !slices.Equal(words[:min(2, len(words))], []string{"kubectl", "eks-encrypt"}) {
				continue
			}
			n++
			if err := checkCommandLine(t, words[2:]); err != nil {
				t.Errorf("%s: example %q: %v", c.CommandPath(), strings.Join(words, " "), err)
			}
		}
		if n < 2 && c.Name() != "help" {
			t.Errorf("%s has %d examples, want 2 or more", c.CommandPath(), n)
		}
		lines += n
	})
	if lines < 30 {
		t.Errorf("%d examples, want 30 or more", lines)
	}
}

// TestCheckCommandLine checks that invalid command lines are found.
func TestCheckCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"status -A":                      "unknown shorthand",
		"statsu":                         `unknown command "statsu"`,
		"keys crate":                     `did you mean "create"`,
		"status --requre cmk":            "unknown flag",
		"status --require customer":      "one of",
		"associate a b":                  "unexpected argument",
		"verify --probe --sample 3":      "none of the others",
		"generate iam-policy --for sing": "one of",
		"help nonsense":                  "unknown command",
	} {
		if err := checkCommandLine(t, strings.Fields(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", line, err, want)
		}
	}
	for _, line := range []string{"", "status --require cmk -o json", "help associate", "keys create --help",
		"associate alias/x --dry-run=client"} {
		if err := checkCommandLine(t, strings.Fields(line)); err != nil {
			t.Errorf("%s: error = %v, want nil", line, err)
		}
	}
}
