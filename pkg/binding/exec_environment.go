package binding

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/shlex"
)

// variables is the environment of a program that kubectl starts: that of the shell with
// the changes of the kubeconfig.
type variables struct {
	shell map[string]string // never changed
	set   map[string]string
	unset map[string]bool
}

func newVariables(shell []string) variables {
	v := variables{shell: map[string]string{}, set: map[string]string{}, unset: map[string]bool{}}
	for _, pair := range shell {
		name, value, _ := strings.Cut(pair, "=")
		v.shell[name] = value
	}
	return v
}

func (v *variables) clone() variables {
	return variables{shell: v.shell, set: maps.Clone(v.set), unset: maps.Clone(v.unset)}
}

func (v *variables) get(name string) (value string, found bool) {
	if value, found = v.set[name]; found || v.unset[name] {
		return value, found
	}
	value, found = v.shell[name]
	return value, found
}

func (v *variables) assign(name, value string) { v.set[name] = value }

func (v *variables) remove(name string) {
	delete(v.set, name)
	v.unset[name] = true
}

func (v *variables) clear() {
	clear(v.set)
	for name := range v.shell {
		v.unset[name] = true
	}
}

// changes returns the variables that differ from the shell's or are set again, and those
// of the shell that are removed. Both are nil if there are none.
func (v *variables) changes() (set map[string]string, unset []string) {
	for name := range v.unset {
		_, again := v.set[name]
		if _, known := v.shell[name]; known && !again {
			unset = append(unset, name)
		}
	}
	slices.Sort(unset)
	if len(v.set) > 0 {
		set = maps.Clone(v.set)
	}
	return set, unset
}

// env does what env(1) does to the environment, and returns the command that it starts.
func (r *reader) env(words []string) []string {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		next := func() (value string) {
			if len(words) > 0 {
				value, words = words[0], words[1:]
			}
			return value
		}
		name, value, assigns := strings.Cut(word, "=")
		switch {
		case word == "-" || word == "-i" || word == "--ignore-environment":
			r.vars.clear()
		case word == "-u" || word == "--unset":
			r.vars.remove(next())
		case word == "-S" || word == "--split-string":
			words = append(shellWords(next()), words...)
		case word == "-C" || word == "--chdir":
			next()
		case name == "--unset":
			r.vars.remove(value)
		case name == "--split-string":
			words = append(shellWords(value), words...)
		case strings.HasPrefix(word, "-u"):
			r.vars.remove(word[2:])
		case strings.HasPrefix(word, "-S"):
			words = append(shellWords(word[2:]), words...)
		case strings.HasPrefix(word, "-"):
		case assigns && name != "":
			r.vars.assign(name, value)
		default:
			return append([]string{word}, words...)
		}
	}
	return nil
}

// shellWords splits a line as a shell does, or at white space if a quote is not closed.
func shellWords(line string) []string {
	words, err := shlex.Split(line)
	if err != nil {
		return strings.Fields(line)
	}
	return words
}
