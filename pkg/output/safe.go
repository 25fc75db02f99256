package output

import (
	"bytes"
	"fmt"
	"unicode/utf16"
)

// harmless makes printed data safe on a terminal. In JSON it loses nothing: what
// steers or reorders text becomes its escape. Other formats get U+FFFD for it.
func harmless(text []byte, isJSON bool) []byte {
	if !bytes.ContainsFunc(text, unsafeData) {
		return text
	}
	var b bytes.Buffer
	for _, r := range string(text) {
		switch {
		case !unsafeData(r):
			b.WriteRune(r)
		case !isJSON:
			b.WriteRune('\uFFFD')
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.Bytes()
}

// unsafeData leaves the white space that the formats themselves need.
func unsafeData(r rune) bool { return r != '\n' && r != '\t' && unsafeRune(r) }
