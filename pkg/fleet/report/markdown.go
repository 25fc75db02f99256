package report

import (
	_ "embed" // the template of the document
	"fmt"
	"io"
	"maps"
	"strings"
	"text/template"
)

//go:embed report.md.tmpl
var markdownTemplate string

// writeMarkdown writes the report for a pull request, an issue or a wiki. The template escapes each value with text, or
// with code for an identifier.
func writeMarkdown(w io.Writer, v *reportRows) error {
	functions := templateFuncs()
	maps.Copy(functions, template.FuncMap{
		"account": mdAccount, "advice": advice, "code": mdCode, "codes": mdCodes,
		"text": func(v any) string { return mdText(fmt.Sprint(v)) },
	})
	t, err := template.New("report").Funcs(functions).Parse(markdownTemplate)
	if err != nil {
		return err
	}
	v.groupByCause()
	return t.Execute(w, v)
}

// mdAccount returns the account of a cluster with its name.
func mdAccount(c *cluster) string {
	if c.AccountName == "" {
		return mdCode(c.Account)
	}
	return mdCode(c.Account) + " " + mdText(c.AccountName)
}

// mdText escapes prose, so that it contains no HTML, link, emphasis, table cell or mention of a user. A code span
// breaks up what a renderer would turn into a link or a mention by itself.
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
			b.WriteByte('\\') // "1." at the start would be a list
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// digits reports whether s consists of ASCII digits only.
func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// mdCode puts an identifier into a code span. Only two characters have a meaning there: the bar ends a table cell, and
// the backtick ends the span.
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" {
		return " "
	}
	s = strings.ReplaceAll(s, "`", "'")
	// In a table cell a bar needs a backslash, also within a code span. A backslash of the value must not precede it.
	s = strings.ReplaceAll(s, `\|`, `\ |`)
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func mdCodes(values []string) string {
	codes := make([]string, len(values))
	for i := range values {
		codes[i] = mdCode(values[i])
	}
	return strings.Join(codes, ", ")
}
