package sanitize

import (
	"strings"
	"testing"
)

// TestLine checks that untrusted text can neither control the terminal nor reorder text.
func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ünïcode 世界": "plain text, ünïcode 世界",
		"\x1b[31mred\x1b[0m":     "\uFFFD[31mred\uFFFD[0m",
		"two\nlines\tand\r":      "two lines and ",
		"abc\u202Egnp.exe":       "abc\uFFFDgnp.exe",
		"zero\u200Bwidth\uFEFF":  "zero\uFFFDwidth\uFFFD",
		"bell\a and \u009b8m c1": "bell\uFFFD and \uFFFD8m c1",
		"8-bit \x9b2J":           "8-bit \uFFFD2J",
		"line\u2028separator":    "line\uFFFDseparator",
		"http://u:p@h\u202E":     "http://***@h\uFFFD",
	} {
		if got := Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzLine checks that Line removes every unsafe rune and is idempotent.
func FuzzLine(f *testing.F) {
	f.Add("\x1b[2J")
	f.Fuzz(func(t *testing.T, s string) {
		got := Line(s)
		if strings.ContainsFunc(got, Unsafe) || strings.ContainsAny(got, "\n\t") {
			t.Errorf("Line(%q) = %q, want no unsafe rune", s, got)
		}
		if again := Line(got); again != got {
			t.Errorf("Line(Line(%q)) = %q, want %q", s, again, got)
		}
	})
}
