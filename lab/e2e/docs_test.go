package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

const repository = "../.."

// order is how a reader goes: the tour on a fresh cluster, then the whole change.
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

// Every block of commands in the documentation is run on a lab, one after the other
// in one folder, and prints what it is said to print. Those that can't be run say
// why, and are counted. Then the shell completes, through kubectl.
func TestDocumentation(t *testing.T) {
	blocks, err := docs.Read(repository)
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.Start(t, "--association-time", "1s")
	l.Setenv("EKS_LAB_DIR", l.Dir)
	l.Lab(t, "seed", "--secrets", "200", "--namespaces", "4").Must(t)
	folder := t.TempDir()
	run, left := 0, 0
	for _, b := range order(blocks) {
		if b.NotRun != "" {
			t.Logf("%s is not run: %s", b.Where(), b.NotRun)
			left++
			continue
		}
		run++
		for i, step := range b.Steps {
			want := 0
			if i == len(b.Steps)-1 {
				want = b.Exit
			}
			cmd := l.Command(t, "bash", "-euo", "pipefail", "-c", "exec 2>&1\n"+step.Script)
			cmd.Dir = folder
			out := labtest.Finish(t, cmd)
			if out.Code != want {
				t.Errorf("%s:%d: exit code %d, want %d\n%s\n%s", b.File, step.Line, out.Code, want, step.Script, out.Stdout)
			}
			if missing := inOrder(out.Stdout, step.Output); missing != "" {
				t.Errorf("%s:%d: %s\ndoes not print %q (after what stands before it), but\n%s", b.File, step.Line, step.Script, missing, out.Stdout)
			}
		}
	}
	t.Logf("%d blocks were run, %d were not", run, left)
	if run < 12 || left > run {
		t.Errorf("%d blocks were run, %d were not: is the documentation read?", run, left)
	}
	completion(t, l)
}

var (
	number = regexp.MustCompile(`[0-9]+(\\\.[0-9]+)*`)
	id     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// inOrder finds the documented lines in what was printed. "…" stands for anything,
// and numbers may differ.
func inOrder(printed string, documented []string) (missing string) {
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

func TestInOrder(t *testing.T) {
	const printed = "All 200 secrets\nversion 1.37, update aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\nNAME   AGE\nend\n"
	for _, tt := range []struct{ documented, missing string }{
		{"All 1000 secrets\nNAME  AGE", ""},
		{"version 1.2, update 11111111-2222-3333-4444-555555555555", ""},
		{"All …\n…\nend", ""},
		{"end\nAll 200 secrets", "All 200 secrets"},
		{"All 200 config maps", "All 200 config maps"},
	} {
		if got := inOrder(printed, strings.Split(tt.documented, "\n")); got != tt.missing {
			t.Errorf("%q: missing %q, want %q", tt.documented, got, tt.missing)
		}
	}
}

// completion goes through kubectl itself, which runs kubectl_complete-eks_encrypt:
// once the script, once a link to the plugin.
func completion(t *testing.T, l *labtest.Lab) {
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
		l.Setenv("PATH", strings.Join([]string{dir, filepath.Join(l.Dir, "bin"), filepath.Dir(kubectl), "/usr/bin", "/bin"}, ":"))
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
				t.Errorf("%s: %q completes to %q, want %s", kind, tt.words, out, tt.want)
			}
		}
		list := l.Run(t, "kubectl", "plugin", "list").Must(t)
		if strings.Contains(list, "warning") || strings.Count(list, "kubectl-eks_encrypt") != 1 {
			t.Errorf("%s: kubectl plugin list: %s", kind, list)
		}
	}
}
