package output

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Width returns the number of columns of the terminal behind w, or 0 if w is not a terminal.
func Width(w io.Writer) int {
	f, ok := terminal(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 0 {
		return 0
	}
	return width
}

// terminal returns the terminal behind w.
func terminal(w io.Writer) (*os.File, bool) {
	f, ok := sanitize.Raw(w).(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// Wrap cleans the text and breaks it at spaces into indented lines of at most width columns; 0 means one line. Longer
// words stay whole, and so does a command: one that is pasted without its last flags can mean another cluster.
func Wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range words(sanitize.Line(text)) {
		n := ansi.StringWidth(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case width > 0 && column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// command matches a command up to the end of its quotes, of its clause or of the text.
var command = regexp.MustCompile(`(?:^|\s)\(?(?:['\x60](?:kubectl|aws|eks-lab) [^'\x60]*['\x60]\S*` +
	`|(?:kubectl (?:eks-encrypt|-n|[a-z-]+ -|api-resources|annotate|apply|create|get|patch)\b|aws [a-z0-9-]+ )` +
	`(?:[^;]*[^;,.)\s])?\S*)`)

// words splits a text at spaces. A command is one word.
func words(text string) (all []string) {
	rest := text
	for {
		at := command.FindStringIndex(rest)
		if at == nil {
			return append(all, strings.Fields(rest)...)
		}
		all = append(append(all, strings.Fields(rest[:at[0]])...), strings.TrimSpace(rest[at[0]:at[1]]))
		rest = rest[at[1]:]
	}
}

// textWriter writes text for people until the first error, and keeps that error. It writes below a sanitize.Writer,
// because the text contains colours and its values are clean.
type textWriter struct {
	w     io.Writer
	width int
	err   error
}

func newTextWriter(w io.Writer) *textWriter {
	return &textWriter{w: sanitize.Raw(w), width: Width(w)}
}

func (t *textWriter) line(s string) {
	if t.err == nil {
		_, t.err = fmt.Fprintln(t.w, s)
	}
}

// wrap returns the clean text in lines of the terminal's width.
func (t *textWriter) wrap(text, indent string) string { return Wrap(text, indent, t.width) }

func (t *textWriter) do(print func(io.Writer) error) {
	if t.err == nil {
		t.err = print(t.w)
	}
}

// notes writes the notes of a report after an empty line.
func (t *textWriter) notes(notes []string) {
	for i, note := range notes {
		if i == 0 {
			t.line("")
		}
		t.line(t.wrap("Note: "+note, ""))
	}
}
