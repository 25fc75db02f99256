package picker

import (
	"io"
	"os"
	"runtime"
	"sync"

	"github.com/muesli/cancelreader"
)

// orderedInput is the terminal's input for one picker. The picker's library closes its
// reader while that may still be waiting, which is a data race, and the reader would
// swallow the line that is typed next. Having no name, an orderedInput is not taken for
// a file by that reader but as something to Read from: so its end is ours to order.
type orderedInput struct {
	file    *os.File
	reader  cancelreader.CancelReader
	reading sync.Mutex
	ended   bool
}

// ordered gives the input to a picker, until end is called.
func ordered(in io.Reader) (input io.Reader, end func()) {
	file, ok := in.(*os.File)
	if !ok || runtime.GOOS == "windows" { // there the library reads the console's events itself
		return in, func() {}
	}
	reader, err := cancelreader.NewReader(file)
	if err != nil {
		return in, func() {}
	}
	p := &orderedInput{file: file, reader: reader}
	return p, p.end
}

func (p *orderedInput) Read(b []byte) (int, error) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.ended {
		return 0, io.EOF
	}
	return p.reader.Read(b)
}

// end stops a Read that waits, and closes what it waited on only then.
func (p *orderedInput) end() {
	p.reader.Cancel()
	p.reading.Lock()
	defer p.reading.Unlock()
	p.ended = true
	_ = p.reader.Close()
}

// Fd lets the library set the terminal's mode; it writes to and closes nothing.
func (p *orderedInput) Fd() uintptr               { return p.file.Fd() }
func (p *orderedInput) Write([]byte) (int, error) { return 0, os.ErrInvalid }
func (p *orderedInput) Close() error              { return nil }
