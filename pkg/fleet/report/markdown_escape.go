package report

import "strings"

// mdText escapes prose: no HTML, no links, no emphasis, no table cells, no
// mention of a user. What a renderer would turn into a link or a mention on its
// own is broken up by a code span.
func mdText(s string) string {
	if s == "" {
		return " "
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "://"):
			b.WriteString("`://`")
			i += 2
		case len(rest) >= 4 && strings.EqualFold(rest[:4], "www."):
			b.WriteString(rest[:3] + "`.`")
			i += 3
		case s[i] == '@':
			b.WriteString("`@`")
		case strings.IndexByte("\\`*_{}[]<>#+!|~&$", s[i]) >= 0, i == 0 && (s[i] == '-' || s[i] == '='):
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case i > 0 && (s[i] == '.' || s[i] == ')') && digits(s[:i]):
			b.WriteByte('\\') // "1." at the beginning would be a list
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// mdCode puts an identifier into a code span: nothing in it means anything but
// the bar, which ends a cell, and the backtick, which would end the span.
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" {
		return " "
	}
	s = strings.ReplaceAll(s, "`", "'")
	// A bar is escaped in a cell even within a code span; a backslash of its own in
	// front of it would be taken for that escape.
	s = strings.ReplaceAll(s, `\|`, `\ |`)
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func mdCodes(list []string) string {
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = mdCode(list[i])
	}
	return strings.Join(codes, ", ")
}
