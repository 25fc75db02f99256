package docs

import (
	"reflect"
	"sort"
	"strings"
	"testing"
)

func TestNamedFiles(t *testing.T) {
	const text = "x\n```yaml\n# waivers.yaml\na: b\n```\n```\n# accounts.txt: one a line\n1\n```\n```sh\n# why\n```\n"
	want := map[string]string{"waivers.yaml": "# waivers.yaml\na: b\n", "accounts.txt": "# accounts.txt: one a line\n1\n"}
	if got := NamedFiles(text); !reflect.DeepEqual(got, want) {
		t.Errorf("NamedFiles = %q, want %q", got, want)
	}
}

func TestYAMLCommands(t *testing.T) {
	const text = "```yaml\njobs:\n  a:\n    steps:\n    - run: |\n        b --c\n        d\n" +
		"    - with: {arguments: \"--e\\n--f=g\"}\n" +
		"```\n```yaml\njob:\n  script: [h --i, j]\n```\n```yaml\ncommand: [/kubectl-eks_encrypt]\nargs: [k, --l]\n```\n" +
		"```yaml\ncommand: [other]\nargs: [--m]\n```\n"
	got, err := YAMLCommands("x.md", text)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, words := range got {
		lines = append(lines, strings.Join(words, " "))
	}
	sort.Strings(lines)
	want := []string{"b --c", "d", "h --i", "j", "kubectl-eks_encrypt audit --e --f=g", "kubectl-eks_encrypt k --l"}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("YAMLCommands = %q, want %q", lines, want)
	}
	if _, err := YAMLCommands("x.md", "```yaml\na: [\n```\n"); err == nil {
		t.Error("YAMLCommands of invalid YAML = nil error")
	}
}
