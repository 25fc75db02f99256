package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

const repository = "../.."

// order sorts the blocks as a reader would read them: the README on a new cluster,
// then the runbook, then the other documents.
func order(blocks []docs.Block) []docs.Block {
	var first, second, rest []docs.Block
	for _, b := range blocks {
		switch b.File {
		case "README.md":
			first = append(first, b)
		case "docs/runbook.md":
			second = append(second, b)
		default:
			rest = append(rest, b)
		}
	}
	return append(append(first, second...), rest...)
}

// TestDocumentation runs every block of commands in the documentation on one lab and
// in one folder, and compares the output with the documented output. Blocks that
// cannot run give a reason and are counted. Then it tests the shell completion.
func TestDocumentation(t *testing.T) {
	blocks, err := docs.Read(repository)
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.Start(t, labtest.WithAWS, "--association-time", "1s")
	l.Setenv("EKS_LAB_DIR", l.Dir)
	l.Lab(t, "seed", "--secrets", "200", "--namespaces", "4").Must(t)
	folder := t.TempDir()
	run, skipped := 0, 0
	for _, b := range order(blocks) {
		if slices.Contains(auditDocuments, b.File) {
			continue // TestAuditDocumentation runs it
		}
		if b.NotRun != "" {
			t.Logf("%s is skipped: %s", b.Where(), b.NotRun)
			skipped++
			continue
		}
		run++
		runBlock(t, l, folder, b)
	}
	t.Logf("%d blocks were run, %d were skipped", run, skipped)
	if run < 12 || skipped > run {
		t.Errorf("%d blocks were run, %d were skipped: want at least 12 and more than were skipped", run, skipped)
	}
	testCompletion(t, l)
}

// runBlock runs a block in a folder, and compares its exit codes and its output with the documented ones.
func runBlock(t *testing.T, l *labtest.Lab, folder string, b docs.Block) {
	t.Helper()
	for i, step := range b.Steps {
		want := 0
		if i == len(b.Steps)-1 {
			want = b.Exit
		}
		cmd := l.Command(t, "bash", "-euo", "pipefail", "-c", "exec 2>&1\n"+step.Script)
		cmd.Dir = folder
		out := labtest.Exec(t, cmd)
		if out.Code != want {
			t.Errorf("%s:%d: exit code = %d, want %d\n%s\n%s",
				b.File, step.Line, out.Code, want, step.Script, out.Stdout)
		}
		if missing := firstMissing(out.Stdout, step.Output); missing != "" {
			t.Errorf("%s:%d: %s\ndoes not print %q after the preceding lines, but\n%s",
				b.File, step.Line, step.Script, missing, out.Stdout)
		}
	}
}

var (
	number = regexp.MustCompile(`[0-9]+(\\\.[0-9]+)*`)
	id     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// firstMissing returns the first documented line that was not printed in this order,
// or "" if there is none. "…" matches any text, and numbers and ids may differ.
func firstMissing(printed string, documented []string) (missing string) {
	lines := strings.Split(printed, "\n")
	for _, want := range documented {
		if strings.TrimSpace(want) == "" || strings.TrimSpace(want) == "…" {
			continue
		}
		pattern := regexp.QuoteMeta(strings.TrimSpace(want))
		pattern = id.ReplaceAllString(strings.ReplaceAll(pattern, `\-`, "-"), "@id@")
		pattern = number.ReplaceAllString(pattern, `[0-9.]+`)
		pattern = strings.ReplaceAll(pattern, "@id@", `[0-9a-f-]{36}`)
		pattern = regexp.MustCompile(` +`).ReplaceAllString(strings.ReplaceAll(pattern, "…", ".*"), " +")
		match := regexp.MustCompile(`^\s*` + pattern + `\s*$`)
		for len(lines) > 0 && !match.MatchString(lines[0]) {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return want
		}
		lines = lines[1:]
	}
	return ""
}

func TestFirstMissing(t *testing.T) {
	const printed = "All 200 secrets\nversion 1.37, update aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\nNAME   AGE\nend\n"
	for _, tt := range []struct{ documented, missing string }{
		{"All 1000 secrets\nNAME  AGE", ""},
		{"version 1.2, update 11111111-2222-3333-4444-555555555555", ""},
		{"All …\n…\nend", ""},
		{"end\nAll 200 secrets", "All 200 secrets"},
		{"All 200 config maps", "All 200 config maps"},
	} {
		if got := firstMissing(printed, strings.Split(tt.documented, "\n")); got != tt.missing {
			t.Errorf("firstMissing(%q) = %q, want %q", tt.documented, got, tt.missing)
		}
	}
}

// testCompletion tests the completion by kubectl, which runs
// kubectl_complete-eks_encrypt: first the script, then a link to the plugin.
func testCompletion(t *testing.T, l *labtest.Lab) {
	complete := func(words ...string) string {
		return l.Run(t, "kubectl", append([]string{"__complete", "eks-encrypt"}, words...)...).Must(t)
	}
	plugin, err := filepath.Abs(os.Getenv("PLUGIN_BIN"))
	if err != nil {
		t.Fatal(err)
	}
	kubectl := l.Command(t, "kubectl").Path
	for kind, put := range map[string]func(string) error{
		"script": func(name string) error {
			return os.WriteFile(name, []byte(l.Plugin(t, "completion", "kubectl").Must(t)), 0o755)
		},
		"link": func(name string) error { return os.Symlink(plugin, name) },
	} {
		dir := t.TempDir()
		if err := put(filepath.Join(dir, "kubectl_complete-eks_encrypt")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(plugin, filepath.Join(dir, "kubectl-eks_encrypt")); err != nil {
			t.Fatal(err)
		}
		folders := []string{dir, filepath.Join(l.Dir, "bin"), filepath.Dir(kubectl), "/usr/bin", "/bin"}
		l.Setenv("PATH", strings.Join(folders, ":"))
		for _, tt := range []struct {
			words []string
			want  string
		}{
			{[]string{""}, "associate"},
			{[]string{"status", "--require", ""}, "cmk"},
			{[]string{"status", "--cluster-name", "l"}, "lab"},
			{[]string{"status", "--context", ""}, "arn:aws:eks:"},
			{[]string{"verify", "-n", "kube-s"}, "kube-system"},
			{[]string{"status", "--region", "eu-w"}, "eu-west-1"},
			{[]string{"associate", "alias/"}, "alias/lab"},
			{[]string{"keys", "create", "--dry-run="}, "client"},
		} {
			if out := complete(tt.words...); !strings.Contains(out, tt.want) {
				t.Errorf("%s: completion of %q = %q, want it to contain %s", kind, tt.words, out, tt.want)
			}
		}
		list := l.Run(t, "kubectl", "plugin", "list").Must(t)
		if strings.Contains(list, "warning") || strings.Count(list, "kubectl-eks_encrypt") != 1 {
			t.Errorf("%s: kubectl plugin list: %s", kind, list)
		}
	}
}
