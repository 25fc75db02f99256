package sanitize

import (
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Writer cleans everything on its way to a stream for people, such as stderr: messages of AWS, names and errors. It
// keeps line feeds and tabs. Text that needs the terminal's own control sequences goes to Raw, after its values were
// cleaned with Line. It is safe for concurrent use.
type Writer struct {
	w    io.Writer
	mu   sync.Mutex
	tail []byte // the begin of a rune or of a line break, whose end has not been written yet
}

// NewWriter returns a Writer to w, or w itself if it is a Writer already.
func NewWriter(w io.Writer) io.Writer {
	if _, ok := w.(*Writer); ok {
		return w
	}
	return &Writer{w: w}
}

// Raw returns the stream below a Writer, or w itself if it is not a Writer.
func Raw(w io.Writer) io.Writer {
	if clean, ok := w.(*Writer); ok {
		return clean.w
	}
	return w
}

// Write writes the clean text of p. A rune that p cuts off is written together with its end.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := slices.Concat(w.tail, p)
	n := len(text) - unfinished(text)
	w.tail = text[n:]
	if _, err := io.WriteString(w.w, Text(string(text[:n]))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// unfinished returns the number of bytes at the end of text that begin a rune or a line break.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if last[0] == '\r' && n == 1 || !utf8.FullRune(last) {
				return n
			}
			break
		}
	}
	return 0
}

// Text applies MultiLine to a text of several lines and hides the passwords of its URLs. Line breaks become line feeds.
func Text(s string) string {
	return URLs(strings.Map(MultiLine, strings.ReplaceAll(s, "\r\n", "\n")))
}
