package sanitize

import (
	"bytes"
	"testing"
)

func TestWriter(t *testing.T) {
	for _, test := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"plain lines", []string{"a\tb\n", "ü世\n"}, "a\tb\nü世\n"},
		{"an escape sequence", []string{"\x1b[2Jgone\a\n"}, "\uFFFD[2Jgone\uFFFD\n"},
		{"reordered text and C1", []string{"a\u202Eb \u009b2J \x9b2J"}, "a\uFFFDb \uFFFD2J \uFFFD2J"},
		{"a carriage return", []string{"real\rfake\n"}, "real\uFFFDfake\n"},
		{"line breaks of Windows", []string{"a\r\nb\r", "\nc"}, "a\nb\nc"},
		{"a rune in two writes", []string{"\xe4\xb8", "\x96x"}, "世x"},
		{"an unsafe rune in two writes", []string{"a\xe2\x80", "\xaeb"}, "a\uFFFDb"},
		{"a URL", []string{"Get http://u:p@h/\n"}, "Get http://***@h/\n"},
	} {
		var b bytes.Buffer
		w := NewWriter(&b)
		for _, text := range test.writes {
			if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("%s: Write = %d, %v, want %d", test.name, n, err, len(text))
			}
		}
		if b.String() != test.want {
			t.Errorf("%s: %q, want %q", test.name, b.String(), test.want)
		}
		if NewWriter(w) != w || Raw(w) != &b || Raw(&b) != &b {
			t.Errorf("%s: Raw and NewWriter do not fit together", test.name)
		}
	}
}
