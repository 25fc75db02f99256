package binding

import (
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// script is what a shell runs: sh -c TEXT NAME ARGUMENTS….
type script struct {
	text, shell string
	arguments   []string // $0, $1, …
	login       bool     // the shell reads files that may change the environment
}

func isShell(program string) bool {
	switch program {
	case "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh":
		return true
	}
	return false
}

// scriptOf returns the script among the arguments of a shell. It reports whether there is
// one.
func scriptOf(words []string) (s script, found bool) {
	hasScript := false
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--rcfile" || word == "--init-file":
			s.login = true
			i++
		case strings.HasPrefix(word, "--"):
			s.login = s.login || word == "--login"
		case strings.HasPrefix(word, "-") || strings.HasPrefix(word, "+"):
			hasScript = hasScript || strings.Contains(word, "c")
			s.login = s.login || strings.ContainsAny(word, "li")
			if strings.ContainsAny(word, "oO") { // -o pipefail
				i++
			}
		default:
			s.text, s.arguments = word, words[i+1:]
			return s, hasScript
		}
	}
	return script{}, false
}

// maxText bounds a script and the words of a command, in bytes.
const maxText = 1 << 15

// script searches a script for the plugin. If the script does more than set variables and
// start programs, the shell counts as the wrapper.
func (r *reader) script(s script) (execCall, bool) {
	if *r.budget--; *r.budget < 0 || len(s.text) > maxText {
		return execCall{}, false
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(s.text), "")
	if err != nil {
		r.wrap(s.shell)
		return r.command(strings.Fields(s.text))
	}
	sh := shell{reader: r, name: s.shell, local: map[string]string{}, arguments: s.arguments, opaque: s.login}
	call, found := sh.statements(file.Stmts)
	if found && sh.opaque {
		r.wrap(s.shell)
	}
	return call, found
}

// shell follows the statements of a script.
type shell struct {
	*reader
	name      string
	local     map[string]string // variables that are not exported
	arguments []string
	exportAll bool
	opaque    bool // the environment may have been changed in a way that is not followed
}

func (sh *shell) statements(list []*syntax.Stmt) (execCall, bool) {
	for _, stmt := range list {
		if call, found := sh.statement(stmt.Cmd); found {
			return call, true
		}
	}
	return execCall{}, false
}

func (sh *shell) statement(cmd syntax.Command) (execCall, bool) {
	switch c := cmd.(type) {
	case *syntax.CallExpr:
		return sh.call(c)
	case *syntax.DeclClause:
		sh.declare(c)
	case *syntax.Block:
		return sh.statements(c.Stmts)
	case *syntax.Subshell:
		return sh.apart(c.Stmts)
	case *syntax.BinaryCmd:
		if c.Op == syntax.AndStmt {
			return sh.statements([]*syntax.Stmt{c.X, c.Y})
		}
		if call, found := sh.apart([]*syntax.Stmt{c.X}); found {
			return call, true
		}
		return sh.apart([]*syntax.Stmt{c.Y})
	case nil:
	default: // conditions, loops and functions: what they do is not followed
		sh.opaque = true
		var inner []*syntax.Stmt
		syntax.Walk(cmd, func(n syntax.Node) bool {
			stmt, is := n.(*syntax.Stmt)
			if is {
				if _, simple := stmt.Cmd.(*syntax.CallExpr); simple {
					inner = append(inner, stmt)
				}
			}
			return true
		})
		return sh.statements(inner)
	}
	return execCall{}, false
}

// apart follows statements whose changes end with them.
func (sh *shell) apart(list []*syntax.Stmt) (execCall, bool) {
	return sh.try(func(c *reader) (execCall, bool) {
		child := *sh
		child.reader = c
		call, found := child.statements(list)
		sh.opaque = sh.opaque || child.opaque
		return call, found
	})
}

func (sh *shell) call(c *syntax.CallExpr) (execCall, bool) {
	words := sh.fields(c.Args...)
	if len(words) == 0 {
		for _, a := range c.Assigns {
			sh.assign(a, sh.exportAll)
		}
		return execCall{}, false
	}
	switch words[0] {
	case "unset":
		for _, name := range words[1:] {
			sh.vars.remove(name)
			delete(sh.local, name)
		}
		return execCall{}, false
	case "set":
		sh.exportAll = sh.exportAll || len(words) > 1 && strings.HasPrefix(words[1], "-") && strings.Contains(words[1], "a")
		return execCall{}, false
	case "eval":
		return sh.script(script{text: strings.Join(words[1:], " "), shell: sh.name})
	case ".", "source", "read", "alias":
		sh.opaque = true
		return execCall{}, false
	}
	return sh.try(func(r *reader) (execCall, bool) {
		child := *sh
		child.reader = r
		for _, a := range c.Assigns {
			child.assign(a, true)
		}
		sh.opaque = child.opaque
		return r.command(words)
	})
}

// declare follows export, readonly, declare and typeset.
func (sh *shell) declare(c *syntax.DeclClause) {
	export := c.Variant.Value == "export"
	for _, a := range c.Args {
		switch {
		case a.Name == nil: // an option
			option := strings.Join(sh.fields(a.Value), " ")
			export = export && option != "-n" || option == "-x"
		case !a.Naked:
			sh.assign(a, export)
		case export:
			if value, found := sh.local[a.Name.Value]; found {
				sh.vars.assign(a.Name.Value, value)
			}
		}
	}
}

// assign sets a variable. It is exported if it was, or if export is true.
func (sh *shell) assign(a *syntax.Assign, export bool) {
	name := a.Name.Value
	value := sh.literal(a.Value)
	if a.Append {
		value = sh.Get(name).String() + value
	}
	if _, exported := sh.vars.get(name); exported || export {
		sh.vars.assign(name, value)
		return
	}
	sh.local[name] = value
}

// fields expands words. An unquoted variable may be several words, and so may "$@".
func (sh *shell) fields(words ...*syntax.Word) []string {
	var fields []string
	size := 0
	for _, word := range words {
		if size > maxText {
			sh.opaque = true
			return nil
		}
		all, split := false, false
		for _, part := range word.Parts {
			param, unquoted := part.(*syntax.ParamExp)
			if quoted, is := part.(*syntax.DblQuoted); is && len(quoted.Parts) == 1 {
				param, _ = quoted.Parts[0].(*syntax.ParamExp)
			}
			split = split || unquoted
			all = all || param != nil && param.Param != nil && param.Param.Value == "@"
		}
		value := sh.literal(word)
		size += len(value)
		switch {
		case all && len(sh.arguments) > 0:
			fields = append(fields, sh.arguments[1:]...)
		case split || all:
			fields = append(fields, strings.Fields(value)...)
		default:
			fields = append(fields, value)
		}
	}
	return fields
}

// literal expands a word. The output of commands is unknown.
func (sh *shell) literal(word *syntax.Word) string {
	value, err := expand.Literal(&expand.Config{Env: sh, CmdSubst: func(io.Writer, *syntax.CmdSubst) error {
		sh.opaque = true
		return nil
	}}, word)
	if err != nil {
		sh.opaque = true
	}
	return value
}

// Get returns a variable of the script.
func (sh *shell) Get(name string) expand.Variable {
	value, found := sh.local[name]
	if !found {
		value, found = sh.vars.get(name)
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(sh.arguments) {
		value, found = sh.arguments[n], true
	}
	if (name == "@" || name == "*") && len(sh.arguments) > 0 {
		value, found = strings.Join(sh.arguments[1:], " "), true
	}
	return expand.Variable{Set: found, Kind: expand.String, Str: value}
}

// Each calls f for no variable: only programs that the shell starts need them.
func (sh *shell) Each(func(name string, vr expand.Variable) bool) {}
