package docs

import "strings"

// Commands splits a shell script into its simple commands, those in $(…) included,
// and each into words. It knows as much of the shell as documentation needs:
// quotes, comments, operators, redirections, assignments; no here-documents.
func Commands(script string) [][]string {
	s := splitter{text: []rune(script)}
	s.list(false)
	return s.found
}

type splitter struct {
	text    []rune
	at      int
	found   [][]string
	current []string
	word    strings.Builder
	inWord  bool
}

func (s *splitter) endWord() {
	if s.inWord {
		s.current = append(s.current, s.word.String())
	}
	s.word.Reset()
	s.inWord = false
}

func (s *splitter) endCommand() {
	s.endWord()
	words := s.current
	for len(words) > 0 && (keyword(words[0]) || assignment(words[0])) {
		words = words[1:]
	}
	if len(words) > 0 {
		s.found = append(s.found, withoutRedirections(words))
	}
	s.current = nil
}

func (s *splitter) put(r rune) { s.word.WriteRune(r); s.inWord = true }

// list reads commands to the end, or to the parenthesis that closes a $(.
func (s *splitter) list(nested bool) {
	for s.at < len(s.text) {
		r := s.text[s.at]
		s.at++
		switch {
		case r == '\\' && s.at < len(s.text):
			if s.text[s.at] != '\n' {
				s.put(s.text[s.at])
			}
			s.at++
		case r == '\'':
			s.inWord = true
			for ; s.at < len(s.text) && s.text[s.at] != '\''; s.at++ {
				s.put(s.text[s.at])
			}
			s.at++
		case r == '"':
			s.quoted()
		case r == '$' && s.at < len(s.text) && s.text[s.at] == '(':
			s.substitution()
		case r == '#' && !s.inWord:
			for s.at < len(s.text) && s.text[s.at] != '\n' {
				s.at++
			}
		case r == ')' && nested:
			s.endCommand()
			return
		case strings.ContainsRune("\n;|&()", r):
			s.endCommand()
		case r == ' ' || r == '\t':
			s.endWord()
		default:
			s.put(r)
		}
	}
	s.endCommand()
}

func (s *splitter) quoted() {
	s.inWord = true
	for s.at < len(s.text) {
		r := s.text[s.at]
		s.at++
		switch {
		case r == '"':
			return
		case r == '\\' && s.at < len(s.text):
			s.put(s.text[s.at])
			s.at++
		case r == '$' && s.at < len(s.text) && s.text[s.at] == '(':
			s.substitution()
		default:
			s.put(r)
		}
	}
}

// substitution reads $(…) as commands of their own, and leaves a word in place.
func (s *splitter) substitution() {
	s.at++
	inner := splitter{text: s.text, at: s.at}
	inner.list(true)
	s.at = inner.at
	s.found = append(s.found, inner.found...)
	s.put('X')
}

func keyword(word string) bool {
	switch word {
	case "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "!", "{", "}", "time", "exec", "sudo", "env":
		return true
	}
	return false
}

func assignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	return found && name != "" && !strings.ContainsAny(name, "-./$ ")
}

func withoutRedirections(words []string) (kept []string) {
	for i := 0; i < len(words); i++ {
		w := strings.TrimLeft(words[i], "0123456789")
		switch {
		case w == ">" || w == ">>" || w == "<":
			i++
		case strings.HasPrefix(w, ">") || strings.HasPrefix(w, "<") && !strings.HasSuffix(w, ">"):
		default:
			kept = append(kept, words[i])
		}
	}
	return kept
}
