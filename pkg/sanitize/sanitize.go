// Package sanitize makes untrusted text, such as the tags of a cluster, safe to show.
package sanitize

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Policy maps a rune of an untrusted text to the rune to show instead. Both policies
// replace control characters (such as escape sequences) and Unicode format characters
// (such as bidirectional overrides) by U+FFFD, so that a tag of a cluster can neither
// control the terminal nor reorder the text around it.
type Policy func(rune) rune

// SingleLine is the policy for cells and lines: line breaks and tabs become spaces.
func SingleLine(r rune) rune {
	if r == '\n' || r == '\r' || r == '\t' {
		return ' '
	}
	return MultiLine(r)
}

// MultiLine is the policy for structured data: it keeps line feeds and tabs.
func MultiLine(r rune) rune {
	if Unsafe(r) {
		return unicode.ReplacementChar
	}
	return r
}

// Unsafe reports whether MultiLine replaces r. The category Cf contains the
// bidirectional and the zero-width characters; YAML cannot have noncharacters.
func Unsafe(r rune) bool {
	if r <= unicode.MaxASCII { // almost all text; the tables take much longer
		return r < ' ' && r != '\n' && r != '\t' || r == '\x7f'
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
}

// Line applies SingleLine to a text for the terminal and hides the passwords of its URLs. Invalid UTF-8 becomes U+FFFD.
func Line(s string) string { return URLs(strings.Map(SingleLine, s)) }

// Copy stores a copy of in into out, with the policy applied to every string of its
// JSON form, including the keys of maps, and without the passwords of URLs. out must
// point to a zero value.
func Copy(in, out any, policy Policy) error {
	tree, err := Tree(in, policy)
	if err != nil {
		return err
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, out)
}

// Tree returns what Copy stores, as maps, lists, strings, booleans and json.Numbers.
func Tree(in any, policy Policy) (any, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	return cleanTree(tree, policy), nil
}

// cleanTree returns the cleaned value. It changes lists and maps in place.
func cleanTree(value any, policy Policy) any {
	switch v := value.(type) {
	case string:
		return URLs(strings.Map(policy, v))
	case []any:
		for i := range v {
			v[i] = cleanTree(v[i], policy)
		}
	case map[string]any:
		var unclean []string
		for key := range v {
			v[key] = cleanTree(v[key], policy)
			if strings.Map(policy, key) != key {
				unclean = append(unclean, key)
			}
		}
		for _, key := range unclean {
			v[strings.Map(policy, key)] = v[key]
			delete(v, key)
		}
	}
	return value
}

// JSON writes unsafe runes of a JSON text as \u escapes, which loses nothing, and hides
// the passwords of its URLs. It returns the text itself if that needs no change.
func JSON(text []byte) []byte {
	if !bytes.ContainsFunc(text, Unsafe) && utf8.Valid(text) && !bytes.Contains(text, []byte("://")) {
		return text
	}
	var b bytes.Buffer
	for _, r := range URLs(string(text)) {
		if !Unsafe(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.Bytes()
}
