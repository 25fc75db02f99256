package docs

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

var (
	// placeholder matches <KEY>, which a shell would read as redirections.
	placeholder = regexp.MustCompile(`<[A-Z][A-Z0-9_-]*>`)
	escape      = regexp.MustCompile(`\\(.)`)
)

// Commands splits a shell script into its simple commands, and each command into its
// words. A command in $(…) comes before the command that contains it, where X stands for
// its output. Text that is not a valid script is returned as one command.
func Commands(script string) (commands [][]string) {
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	file, err := parser.Parse(strings.NewReader(placeholder.ReplaceAllString(script, "'$0'")), "")
	if err != nil {
		return [][]string{strings.Fields(script)}
	}
	var open []syntax.Node
	syntax.Walk(file, func(node syntax.Node) bool {
		if node != nil {
			open = append(open, node)
			return true
		}
		call, isCall := open[len(open)-1].(*syntax.CallExpr)
		open = open[:len(open)-1]
		if isCall {
			if words := withoutPrefix(call.Args); len(words) > 0 {
				commands = append(commands, words)
			}
		}
		return true
	})
	return commands
}

// withoutPrefix returns the words of the command that exec, sudo, env and time run.
func withoutPrefix(args []*syntax.Word) (words []string) {
	for _, arg := range args {
		word := text(arg.Parts)
		name, _, assigns := strings.Cut(word, "=")
		switch {
		case len(words) > 0:
		case word == "exec", word == "sudo", word == "env", word == "time":
			continue
		case assigns && syntax.ValidName(name):
			continue
		}
		words = append(words, word)
	}
	return words
}

// text returns a word without its quotes.
func text(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(escape.ReplaceAllString(part.Value, "$1"))
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			b.WriteString(text(part.Parts))
		case *syntax.CmdSubst:
			b.WriteString("X")
		default:
			_ = syntax.NewPrinter().Print(&b, part) // a strings.Builder never fails
		}
	}
	return b.String()
}
