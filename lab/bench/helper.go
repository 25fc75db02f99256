package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
)

// helper is this program again, in another part: a process of its own, so that it
// shares neither memory nor garbage collection with what is measured. It ends when
// tell is closed.
type helper struct {
	tell    io.WriteCloser
	said    *bufio.Reader
	process *exec.Cmd
}

func startHelper(ctx context.Context, args ...string) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, self, args...)
	process.Stderr = os.Stderr
	tell, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &helper{tell, bufio.NewReader(said), process}, process.Start()
}

func (h *helper) end() {
	_ = h.tell.Close()
	_, _ = io.Copy(io.Discard, h.said)
	_ = h.process.Wait()
}
