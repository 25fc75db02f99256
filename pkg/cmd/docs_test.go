package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

const repository = "../.."

// vocabulary holds the names that the documents may use.
type vocabulary struct {
	targets  map[string]bool            // targets of make
	lab      map[string]map[string]bool // flags of each eks-lab command
	flags    map[string]bool            // of any command
	commands map[string]bool
	codes    []int
}

var (
	makeTarget = regexp.MustCompile(`(?m)^([a-z-]+):.*## `)
	labUse     = regexp.MustCompile(`\bUse:\s+"([a-z-]+)`)
	labFlag    = regexp.MustCompile(`Var(?:P)?\([^,"]+, "([a-z-]+)"`)
)

func readVocabulary(t *testing.T) vocabulary {
	t.Helper()
	v := vocabulary{
		targets: map[string]bool{}, lab: map[string]map[string]bool{}, flags: map[string]bool{}, commands: map[string]bool{},
		codes: []int{cmdutil.ExitOK, cmdutil.ExitFinding, cmdutil.ExitUsage, cmdutil.ExitUnknown, cmdutil.ExitTimeout,
			cmdutil.ExitInterrupted},
	}
	v.flags["help"] = true
	for _, m := range makeTarget.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		v.targets[m[1]] = true
	}
	sources, err := filepath.Glob(filepath.Join(repository, "lab/internal/cmd/*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("%d sources of eks-lab, error = %v", len(sources), err)
	}
	common := map[string]bool{"dir": true, "o": true, "output": true, "help": true}
	for _, file := range sources {
		text := read(t, strings.TrimPrefix(file, repository+"/"))
		flags := map[string]bool{}
		for name := range common {
			flags[name] = true
		}
		for _, m := range labFlag.FindAllStringSubmatch(text, -1) {
			flags[m[1]], v.flags[m[1]] = true, true
		}
		for _, m := range labUse.FindAllStringSubmatch(text, -1) {
			v.lab[m[1]] = flags
		}
	}
	root, _ := tree(t)
	walk(root, func(c *cobra.Command) {
		v.commands[strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), root.CommandPath()))] = true
		for _, alias := range c.Aliases {
			v.commands[alias] = true
		}
		see := func(f *pflag.Flag) { v.flags[f.Name] = true }
		c.LocalFlags().VisitAll(see)
		c.InheritedFlags().VisitAll(see)
	})
	return v
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// check returns an error if a command in a document is not valid.
func (v vocabulary) check(t *testing.T, words []string) error {
	t.Helper()
	switch {
	case slices.Equal(words[:min(2, len(words))], []string{"kubectl", "eks-encrypt"}):
		return checkCommandLine(t, words[2:])
	case words[0] == "kubectl-eks_encrypt": // where kubectl is not installed
		return checkCommandLine(t, words[1:])
	case words[0] == "make":
		for _, w := range words[1:] {
			if !strings.ContainsAny(w, "=-") && !v.targets[w] || strings.Contains(w, "-") && !strings.HasPrefix(w, "-") &&
				!v.targets[w] {
				return fmt.Errorf("the Makefile has no target %s", w)
			}
		}
	case words[0] == "eks-lab" && len(words) > 1:
		flags, known := v.lab[words[1]]
		if !known && words[1] != "--help" {
			return fmt.Errorf("eks-lab has no command %s", words[1])
		}
		for _, w := range words[2:] {
			name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
			if strings.HasPrefix(w, "-") && name != "" && !flags[name] {
				return fmt.Errorf("eks-lab %s has no flag %s", words[1], w)
			}
		}
	}
	return nil
}

var (
	inlineCode  = regexp.MustCompile("`([^`]+)`")
	exitCode    = regexp.MustCompile(`(?i)\bexit(?:s|ed)?(?: with)?(?: codes?)? ([0-9]+)`)
	commandCell = regexp.MustCompile(`^\| *(` + "`" + `[^|]*)\|`)
)

// prose checks a line outside of code blocks: code spans, tables and exit codes.
func (v vocabulary) prose(t *testing.T, line string, table string) (errs []error) {
	t.Helper()
	for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
		span := strings.ReplaceAll(m[1], "…", "")
		if name, isFlag := strings.CutPrefix(span, "--"); isFlag {
			name = regexp.MustCompile(`^[a-z-]*`).FindString(name)
			if name != "" && !v.flags[name] {
				errs = append(errs, fmt.Errorf("no command has the flag --%s", name))
			}
			continue
		}
		if !strings.HasPrefix(span, "kubectl eks-encrypt") && !strings.HasPrefix(span, "make ") &&
			!strings.HasPrefix(span, "eks-lab ") {
			continue
		}
		for _, words := range docs.Commands(strings.ReplaceAll(span, `\|`, "|")) {
			if slices.Contains(words, "COMMAND") {
				continue
			}
			if err := v.check(t, words); err != nil {
				errs = append(errs, fmt.Errorf("`%s`: %w", span, err))
			}
		}
	}
	if m := commandCell.FindStringSubmatch(line); m != nil && table == "command" {
		for _, span := range inlineCode.FindAllStringSubmatch(m[1], -1) {
			name := strings.TrimSpace(strings.TrimPrefix(span[1], "kubectl eks-encrypt"))
			name = strings.TrimSpace(regexp.MustCompile(` *(\[.*|-.*)`).ReplaceAllString(name, ""))
			if !v.commands[name] {
				errs = append(errs, fmt.Errorf("command %s does not exist", name))
			}
		}
	}
	for _, m := range exitCode.FindAllStringSubmatch(line, -1) {
		if code, _ := strconv.Atoi(m[1]); !slices.Contains(v.codes, code) {
			errs = append(errs, fmt.Errorf("exit code %d does not exist", code))
		}
	}
	return errs
}

// text checks a whole document.
func (v vocabulary) text(t *testing.T, file, text string) (errs []error) {
	t.Helper()
	blocks, err := docs.Blocks(file, text)
	if err != nil {
		return []error{err}
	}
	for _, b := range blocks {
		for _, step := range b.Steps {
			for _, words := range docs.Commands(step.Script) {
				if err := v.check(t, words); err != nil {
					errs = append(errs, fmt.Errorf("%s: %s: %w", b.Where(), strings.Join(words, " "), err))
				}
			}
		}
		if b.Exit != 0 && !slices.Contains(v.codes, b.Exit) {
			errs = append(errs, fmt.Errorf("%s: exit code %d does not exist", b.Where(), b.Exit))
		}
	}
	inYAML, err := docs.YAMLCommands(file, text)
	if err != nil {
		errs = append(errs, err)
	}
	for _, words := range inYAML {
		if err := v.check(t, words); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", file, strings.Join(words, " "), err))
		}
	}
	fenced, table := false, ""
	var codes []int
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		switch first := strings.Trim(cells[0], " `"); {
		case !strings.HasPrefix(line, "|"):
			if table == "code" {
				errs = append(errs, v.allCodes(file, i, codes)...)
			}
			table, codes = "", nil
		case table == "":
			table = first
		case table == "code":
			for _, digits := range regexp.MustCompile(`[0-9]+`).FindAllString(cells[0], -1) {
				code, _ := strconv.Atoi(digits)
				codes = append(codes, code)
			}
		}
		for _, err := range v.prose(t, line, table) {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, i+1, err))
		}
	}
	return errs
}

// allCodes checks that the exit codes of a table exist, and that the README has all.
func (v vocabulary) allCodes(file string, line int, codes []int) (errs []error) {
	for _, code := range codes {
		if !slices.Contains(v.codes, code) {
			errs = append(errs, fmt.Errorf("%s:%d: exit code %d does not exist", file, line, code))
		}
	}
	if strings.HasPrefix(file, "docs/") {
		return errs // the codes of one command
	}
	for _, code := range v.codes {
		if !slices.Contains(codes, code) {
			errs = append(errs, fmt.Errorf("%s:%d: exit code %d is missing", file, line, code))
		}
	}
	return errs
}

// TestDocs checks that everything that the documents name exists: commands, flags and their
// values, targets of make, exit codes, and the targets of links.
func TestDocs(t *testing.T) {
	v := readVocabulary(t)
	files, err := docs.Files(repository)
	if err != nil || len(files) < 10 {
		t.Fatalf("%d documents, error = %v; want 10 or more", len(files), err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, file := range files {
		name := strings.TrimPrefix(file, repository+"/")
		text := read(t, name)
		for _, err := range v.text(t, name, text) {
			t.Error(err)
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s: the target of the link %s does not exist", name, m[1])
			}
		}
	}
	if lines := strings.Count(read(t, "README.md"), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, want 150 or fewer", lines)
	}
}

// TestDocsCheck checks that names that do not exist are found.
func TestDocsCheck(t *testing.T) {
	v := readVocabulary(t)
	for text, want := range map[string]string{
		"```sh\nkubectl eks-encrypt states\n```":                            `unknown command "states"`,
		"```console\n$ kubectl eks-encrypt status --requires cmk\n```":      "unknown flag: --requires",
		"```sh\nkubectl eks-encrypt status -o json | jq . && make moo\n```": "no target moo",
		"```sh\neks-lab seed --secret 3\n```":                               "no flag --secret",
		"```sh\neks-lab sow\n```":                                           "no command sow",
		"<!-- exit: 7 -->\n```sh\nfalse\n```":                               "exit code 7 does not exist",
		"```yaml\nrun: kubectl eks-encrypt states\n```":                     `unknown command "states"`,
		"```yaml\nscript: [kubectl-eks_encrypt audit --every]\n```":         "unknown flag: --every",
		"```yaml\nwith: {arguments: --every}\n```":                          "unknown flag: --every",
		"Pass `--everything`.":                                              "no command has the flag --everything",
		"Run `kubectl eks-encrypt prove`.":                                  `unknown command "prove"`,
		"It exits with 4 then.":                                             "exit code 4 does not exist",
		"| code | |\n|---|---|\n| 0 | |\n| 5 | |\n":                         "exit code 5 does not exist",
		"| code | |\n|---|---|\n| 0 | |\n| 1 | |\n":                         "exit code 124 is missing",
		"| command | does |\n|---|---|\n| `status`, `prove` | x |":          "command prove does not exist",
	} {
		errs := v.text(t, "x.md", text)
		if !slices.ContainsFunc(errs, func(err error) bool { return strings.Contains(err.Error(), want) }) {
			t.Errorf("%s\ngot %v, want %q", text, errs, want)
		}
	}
}
