package output

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a value from the outside safe and honest on a terminal: control
// characters (escape sequences among them) and the marks that reorder text
// become visible, so that a cluster's tag can neither paint over a verdict nor
// read as something else.
func Clean(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, unsafeRune) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unsafeRune(r):
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafeRune holds for control characters and for the format characters of
// Unicode (category Cf), which include the bidirectional overrides and the
// zero-width characters.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
