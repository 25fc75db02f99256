package picker

import (
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/muesli/cancelreader"
)

// cancelableInput is the input of one picker. Bubble Tea closes its own reader of a file
// while a Read may still be waiting. That is a data race, and the waiting Read would take
// the line that the user types next. A cancelableInput is not an *os.File, so Bubble Tea
// only calls Read, and end can stop that Read first.
type cancelableInput struct {
	file    *os.File
	reader  cancelreader.CancelReader
	reading sync.Mutex
	ended   bool
}

// cancelable returns a reader of in. After end was called it returns io.EOF.
func cancelable(in io.Reader) (input io.Reader, end func()) {
	file, ok := in.(*os.File)
	if !ok || runtime.GOOS == "windows" { // on Windows, Bubble Tea reads the console events itself
		return in, func() {}
	}
	reader, err := cancelreader.NewReader(file)
	if err != nil {
		return in, func() {}
	}
	p := &cancelableInput{file: file, reader: reader}
	return p, sync.OnceFunc(p.end)
}

func (p *cancelableInput) Read(b []byte) (int, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.ended {
		return 0, io.EOF
	}
	return p.reader.Read(b)
}

// end stops a waiting Read, and closes the reader after that Read has returned.
func (p *cancelableInput) end() {
	p.reader.Cancel()
	p.reading.Lock()
	defer p.reading.Unlock()
	p.ended = true
	_ = p.reader.Close()
}

// Fd lets Bubble Tea set the mode of the terminal. It calls neither Write nor Close, but
// its interface requires them.
func (p *cancelableInput) Fd() uintptr               { return p.file.Fd() }
func (p *cancelableInput) Write([]byte) (int, error) { return 0, os.ErrInvalid }
func (p *cancelableInput) Close() error              { return nil }
