package output

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// progressEvery is the interval between lines where the line cannot be redrawn.
const progressEvery = 5 * time.Second

// Progress shows the state of an operation: on a terminal in one line that is redrawn,
// elsewhere in a new line every five seconds. It is safe for concurrent use.
type Progress struct {
	w        io.Writer
	terminal bool
	now      func() time.Time
	mu       sync.Mutex
	last     time.Time
	open     bool   // the terminal shows a line that End must erase
	stop     func() // ends the redrawing that Live started
}

// NewProgress returns a Progress that writes to w. On a terminal it writes below a sanitize.Writer, which would replace
// the sequences that erase the line.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, now: time.Now}
	if f, ok := terminal(w); ok && os.Getenv("TERM") != "dumb" {
		p.w, p.terminal = f, true
	}
	return p
}

// Show shows the current state. Off the terminal it drops states that follow too soon.
func (p *Progress) Show(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.draw(line)
		return
	}
	if now := p.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintln(p.w, sanitize.Line(line))
	}
}

// Hint shows what the operation is waiting for, on a terminal only.
func (p *Progress) Hint(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.draw(line)
	}
}

// Live shows a status that must not be dropped. On a terminal the line is redrawn every
// second until the next Live or End; elsewhere it is written once, immediately.
func (p *Progress) Live(line func() string) {
	p.halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal {
		fmt.Fprintln(p.w, sanitize.Line(line()))
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

// halt stops the redrawing that Live started.
func (p *Progress) halt() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// draw replaces the line on the terminal, cut to its width.
func (p *Progress) draw(line string) {
	line = sanitize.Line(line)
	if width := Width(p.w); width > 1 {
		line = ansi.Truncate(line, width-1, "…")
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.open = true
}

// End erases the line on the terminal.
func (p *Progress) End() {
	p.halt()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}
