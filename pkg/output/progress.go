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
	stop func()
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
	if p.fd >= 0 {
		p.draw(line)
		return
	}
	if now := p.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintln(p.w, Clean(line))
	}
}

// Hint tells what is being waited for, on a terminal alone.
func (p *Progress) Hint(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd >= 0 {
		p.draw(line)
	}
}

// Live tells a state that nobody is to miss: on a terminal the line is redrawn every
// second until the next one, elsewhere it is written once, at once.
func (p *Progress) Live(line func() string) {
	p.halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		fmt.Fprintln(p.w, Clean(line()))
		return
	}
	p.draw(line())
	done, ended := make(chan struct{}), make(chan struct{})
	p.stop = func() { close(done); <-ended }
	go func() {
		defer close(ended)
		ticks := time.NewTicker(time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticks.C:
				p.mu.Lock()
				p.draw(line())
				p.mu.Unlock()
			}
		}
	}()
}

// halt ends the redrawing.
func (p *Progress) halt() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// draw puts the line, cut to the terminal, in place of the one before.
func (p *Progress) draw(line string) {
	line = Clean(line)
	if width, _, err := term.GetSize(p.fd); err == nil && width > 1 {
		if runes := []rune(line); len(runes) >= width {
			line = string(runes[:width-2]) + "…"
		}
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.open = true
}

// End leaves the terminal's line for good.
func (p *Progress) End() {
	p.halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}
