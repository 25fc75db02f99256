package docs

import (
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

var fence = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// fileName matches the first line of a block that is the content of a file.
var fileName = regexp.MustCompile(`^# ([a-z0-9-]+\.(txt|yaml))\b`)

// NamedFiles returns the blocks of a Markdown text that begin with a comment on the name of a file, by that name.
func NamedFiles(text string) map[string]string {
	files := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if name := fileName.FindStringSubmatch(m[2]); name != nil {
			files[name[1]] = m[2]
		}
	}
	return files
}

// YAMLCommands parses the YAML blocks of a Markdown text, and returns the commands in them: those of the steps of
// GitHub, of the scripts of GitLab, and of the containers of Kubernetes. The arguments of the project's action are
// those of audit.
func YAMLCommands(file, text string) (commands [][]string, err error) {
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] != "yaml" {
			continue
		}
		var content any
		if err := yaml.UnmarshalStrict([]byte(m[2]), &content); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", file, err, m[2])
		}
		commands = append(commands, commandsIn(content)...)
	}
	return commands, nil
}

func commandsIn(content any) (commands [][]string) {
	switch c := content.(type) {
	case []any:
		for _, item := range c {
			commands = append(commands, commandsIn(item)...)
		}
	case map[string]any:
		for key, value := range c {
			switch {
			case key == "run" || key == "script" || key == "before_script":
				for _, line := range texts(value) {
					commands = append(commands, Commands(line)...)
				}
			case key == "arguments":
				for _, lines := range texts(value) {
					commands = append(commands, append([]string{program, "audit"}, strings.Fields(lines)...))
				}
			case key == "args" && strings.HasSuffix(strings.Join(texts(c["command"]), " "), program):
				commands = append(commands, append([]string{program}, texts(value)...))
			default:
				commands = append(commands, commandsIn(value)...)
			}
		}
	}
	return commands
}

// program is the name of the program where kubectl is not there.
const program = "kubectl-eks_encrypt"

// texts returns a text, or the texts of a list.
func texts(value any) (all []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			all = append(all, texts(item)...)
		}
	}
	return all
}
