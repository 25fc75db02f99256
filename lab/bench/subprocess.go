package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
)

// subprocess is this program in another role and in its own process, so that it
// shares neither memory nor garbage collection with what is measured. It ends when
// its standard input is closed.
type subprocess struct {
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	process *exec.Cmd
}

func startSubprocess(ctx context.Context, args ...string) (*subprocess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	process := exec.CommandContext(ctx, self, args...)
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &subprocess{stdin, bufio.NewReader(stdout), process}, process.Start()
}

func (s *subprocess) end() {
	_ = s.stdin.Close()
	_, _ = io.Copy(io.Discard, s.stdout)
	_ = s.process.Wait()
}
