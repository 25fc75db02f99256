package main

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// habit is a phrase to avoid.
type habit struct {
	pattern *regexp.Regexp
	instead string
	// except are the beginnings of matches that are plain English.
	except []string
}

// habits returns the phrases of the table in CONTRIBUTING.md.
var habits = sync.OnceValue(func() []habit {
	h := func(pattern, instead string, except ...string) habit {
		return habit{regexp.MustCompile(`(?i)` + pattern), instead, except}
	}
	return []habit{
		h(`\b(say|says|said|tell|tells|told) whether\b`, "report whether"),
		h(`\b(tell|tells|told)( [\w-]+){1,3} from\b`, "distinguish"),
		h(`\b(there )?(is|are|was|were) no [a-z]+\b`, `"is not a …"`, "there ", "is no longer", "are no longer",
			"was no longer", "were no longer", "is no such", "are no such"),
		h(`\b(can't|can’t|cannot|can not|couldn't) be told\b`, `"could not determine"`),
		h(`\b(http\.)?(nobody|somebody|whoever)\b`, "who it is: another client, the caller, the user", "http.nobody"),
		h(`\b(stand|stands|stood|standing) under\b`, `"is encrypted with"`),
		h(`\banew\b`, "again"),
		h(`\bmeanwhile\b`, `"in the meantime"`),
		h(`\bin vain\b`, "unsuccessfully"),
		h(`\bfor ever\b`, "always, or permanently"),
		h(`\bas a rule\b`, "usually"),
		h(`\bbesides\b`, `"also", or "in addition to"`),
		h(`\bnevertheless\b`, `"still"`),
		h(`\bby the word of\b`, `"as reported by"`),
	}
})

// find returns the first occurrence in the line, or "".
func (h habit) find(line string) string {
	for _, found := range h.pattern.FindAllString(line, -1) {
		plain := func(prefix string) bool { return strings.HasPrefix(strings.ToLower(found), prefix) }
		if !slices.ContainsFunc(h.except, plain) {
			return found
		}
	}
	return ""
}

var (
	fence     = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	quotation = regexp.MustCompile("`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”")
	notBreak  = regexp.MustCompile(`[^\n]`)
)

// withoutQuotations blanks code blocks and quoted text and keeps the line numbers.
func withoutQuotations(document string) string {
	blank := func(s string) string { return notBreak.ReplaceAllString(s, " ") }
	return quotation.ReplaceAllStringFunc(fence.ReplaceAllStringFunc(document, blank), blank)
}
