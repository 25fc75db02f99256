package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// searchedMemory runs a command, and searches its memory for the forbidden texts again and again
// until it ends. It returns the output, and whether the memory had the wanted text.
func searchedMemory(
	t *testing.T, cmd *exec.Cmd, wanted string, forbidden []string,
) (stdout, stderr string, found bool) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	searches := 0
	for running := true; running; {
		began := time.Now()
		if cmd.Process.Signal(syscall.SIGSTOP) == nil {
			memory := processMemory(cmd.Process.Pid)
			_ = cmd.Process.Signal(syscall.SIGCONT)
			if len(memory) > 0 {
				searches++
			}
			found = found || bytes.Contains(memory, []byte(wanted))
			for _, text := range forbidden {
				if bytes.Contains(memory, []byte(text)) {
					t.Errorf("%.100v: the memory has the value %q", cmd.Args[1:], text)
					forbidden = nil
				}
			}
		}
		select {
		case <-ended:
			running = false
		case <-time.After(max(100*time.Millisecond, 3*time.Since(began))): // it must get time to run
		}
	}
	if searches == 0 {
		t.Errorf("%.100v: the memory was never searched", cmd.Args[1:])
	}
	t.Logf("%.60v: the memory was searched %d times", cmd.Args[1:], searches)
	return out.String(), errOut.String(), found
}

// processMemory returns all readable memory of a process that has no file behind it; nil if the
// process has ended.
func processMemory(pid int) []byte {
	maps, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "maps"))
	if err != nil {
		return nil
	}
	memory, err := os.Open(filepath.Join("/proc", fmt.Sprint(pid), "mem"))
	if err != nil {
		return nil
	}
	defer memory.Close()
	const size = 64 << 10
	var all []byte
	page := make([]byte, size)
	for _, line := range strings.Split(string(maps), "\n") {
		var from, to int64
		var access string
		n, _ := fmt.Sscanf(line, "%x-%x %s", &from, &to, &access)
		if n != 3 || !strings.HasPrefix(access, "rw") || to-from > 1<<30 {
			continue
		}
		for ; from < to; from += size { // most of it was never used
			read, _ := memory.ReadAt(page[:min(size, to-from)], from)
			if used := bytes.Trim(page[:read], "\x00"); len(used) > 0 {
				all = append(all, page[:read]...)
			}
		}
	}
	return all
}
