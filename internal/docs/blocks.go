// Package docs extracts the commands and their expected output from the documentation,
// for tests.
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// Block is a fenced code block of language sh or console.
type Block struct {
	File string
	Line int
	// NotRun is the reason why the block cannot run on a local cluster; empty if it can.
	NotRun string
	// Exit is the exit code of its last command.
	Exit int
	// Steps are its commands. An sh block is a single step.
	Steps []Step
}

// Step is a command with its expected output.
type Step struct {
	Line   int
	Script string
	Output []string
}

// Where returns FILE:LINE of the block.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

var mark = regexp.MustCompile(`^<!-- (not run: (.+)|exit: ([0-9]+)) -->$`)

// Blocks returns the blocks of a Markdown text. In an sh block all lines are commands. In a
// console block, commands start with "$ " and the other lines are output. The line above a
// block may be <!-- not run: REASON --> or <!-- exit: CODE -->.
func Blocks(file, text string) ([]Block, error) {
	var found []Block
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		language, fenced := strings.CutPrefix(strings.TrimSpace(lines[i]), "```")
		if !fenced {
			continue
		}
		b := Block{File: file, Line: i + 1}
		if i > 0 {
			if m := mark.FindStringSubmatch(strings.TrimSpace(lines[i-1])); m != nil {
				b.NotRun = m[2]
				b.Exit, _ = strconv.Atoi(m[3])
			}
		}
		indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
		var body []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != "```"; i++ {
			body = append(body, lines[i][min(indent, len(lines[i])):])
		}
		if i == len(lines) {
			return nil, fmt.Errorf("%s: the code block is not closed", b.Where())
		}
		switch language {
		case "sh":
			b.Steps = []Step{{Line: b.Line + 1, Script: strings.Join(body, "\n")}}
		case "console":
			if b.Steps = session(b.Line+1, body); len(b.Steps) == 0 {
				return nil, fmt.Errorf("%s: a console block needs a command after \"$ \"", b.Where())
			}
		case "bash", "shell", "":
			if strings.Contains(strings.Join(body, "\n"), "kubectl eks-encrypt ") && language != "" {
				return nil, fmt.Errorf("%s: the language of a block of commands must be sh or console", b.Where())
			}
			continue
		default:
			continue
		}
		found = append(found, b)
	}
	return found, nil
}

// session splits a console block into commands with their output.
func session(line int, body []string) (steps []Step) {
	for i, text := range body {
		command, isCommand := strings.CutPrefix(text, "$ ")
		switch {
		case isCommand:
			steps = append(steps, Step{Line: line + i, Script: command})
		case len(steps) == 0:
		case strings.HasSuffix(steps[len(steps)-1].Script, "\\") && len(steps[len(steps)-1].Output) == 0:
			steps[len(steps)-1].Script += "\n" + text
		default:
			steps[len(steps)-1].Output = append(steps[len(steps)-1].Output, text)
		}
	}
	return steps
}

// Files returns the paths of the documents of a repository: the Markdown files in its root
// and in docs/, the README first.
func Files(root string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	sort.SliceStable(files, func(i, j int) bool {
		return filepath.Base(files[i]) == "README.md" && filepath.Base(files[j]) != "README.md"
	})
	return files, nil
}

// Read returns all blocks of all documents of a repository.
func Read(root string) ([]Block, error) {
	files, err := Files(root)
	if err != nil {
		return nil, err
	}
	var all []Block
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return nil, err
		}
		blocks, err := Blocks(filepath.ToSlash(name), string(raw))
		if err != nil {
			return nil, err
		}
		all = append(all, blocks...)
	}
	return all, nil
}
