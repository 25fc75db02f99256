package sanitize

import (
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
)

// ShellWord quotes a value as one word of a command that the user can paste. goos is the system that the command is
// for: a POSIX shell, or cmd.exe and PowerShell on Windows. It fails if the value contains characters that could end
// the line, control the terminal or hide a part of the command. On Windows it also fails for characters that the two
// shells expand inside of quotes.
func ShellWord(goos, value string) (string, error) {
	unsafe := func(r rune) bool { return r == '\n' || r == '\t' || Unsafe(r) }
	if strings.ContainsFunc(value, unsafe) || !utf8.ValidString(value) {
		return "", fmt.Errorf("%q contains control characters, so it cannot be part of a command", value)
	}
	if goos != "windows" {
		return shellescape.Quote(value), nil
	}
	if strings.ContainsAny(value, "\"'`$%!^&|<>") || strings.HasSuffix(value, `\`) {
		return "", fmt.Errorf("%q cannot be quoted for every shell of Windows", value)
	}
	if value == "" || strings.ContainsAny(value, " ,;()[]{}@#*?~=\u00a0") {
		return `"` + value + `"`, nil
	}
	return value, nil
}

// Word quotes a value as one word of a command for the shell of this system. A value that no shell can show, for
// instance with a control character, becomes one that names nothing.
func Word(value string) string {
	if quoted, err := ShellWord(runtime.GOOS, value); err == nil {
		return quoted
	}
	return shellescape.Quote(Line(value))
}
