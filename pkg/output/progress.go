package output

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressEvery is how often progress is told where it can't be redrawn.
const progressEvery = 5 * time.Second

// Progress shows how far something is: on a terminal in one line that is redrawn,
// elsewhere in a line every few seconds.
type Progress struct {
	w    io.Writer
	fd   int // of the terminal; -1 elsewhere
	now  func() time.Time
	mu   sync.Mutex
	last time.Time
	open bool // the line on the terminal is not ended
}

// NewProgress shows progress on w.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, fd: -1, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.fd = int(f.Fd())
	}
	return p
}

// Show tells the present state.
func (p *Progress) Show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line = Clean(line)
	if p.fd >= 0 {
		if width, _, err := term.GetSize(p.fd); err == nil && width > 1 {
			if runes := []rune(line); len(runes) >= width {
				line = string(runes[:width-1])
			}
		}
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.open = true
		return
	}
	if now := p.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintln(p.w, line)
	}
}

// End leaves the terminal's line for good.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}
