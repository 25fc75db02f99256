package sanitize

import (
	"strings"
	"testing"
	"unicode"
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

// TestUnsafe compares the short form for ASCII with the tables of Unicode.
func TestUnsafe(t *testing.T) {
	for r := rune(0); r <= unicode.MaxASCII; r++ {
		if want := unicode.IsControl(r) && r != '\n' && r != '\t'; Unsafe(r) != want {
			t.Errorf("Unsafe(%q) = %v", r, !want)
		}
	}
}

// TestJSON checks that safe text stays as it is, and that unsafe runes become escapes.
func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": "ünïcode 世界"}`: `{"a": "ünïcode 世界"}`, "": "",
		"\"\x7f\"":             `"\u007f"`,
		"\"\u202e\U000e0001\"": `"\u202e\udb40\udc01"`,
		"\"\xff\"":             "\"\uFFFD\"",
		`"http://u:p@h/"`:      `"http://***@h/"`,
	} {
		if got := string(JSON([]byte(in))); got != want {
			t.Errorf("JSON(%q) = %q, want %q", in, got, want)
		}
	}
}
