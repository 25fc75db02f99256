package cmd_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// shop is an AWS for a test that drives the plugin itself.
type shop struct {
	*fakeaws.Server
	env []string
	bin string
}

func newShop(t *testing.T, associationTime time.Duration) *shop {
	t.Helper()
	dir := t.TempDir()
	s, vars, err := world(dir, associationTime, t.Cleanup)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &shop{Server: s, bin: filepath.Join(dir, "kubectl-eks_encrypt"),
		env: []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color"}}
	if err := os.Symlink(self, w.bin); err != nil {
		t.Skip("no symbolic links here")
	}
	for name, value := range vars {
		w.env = append(w.env, name+"="+value)
	}
	return w
}

// count counts the requests of an operation.
func (w *shop) count(operation string) (n int) {
	for _, r := range w.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// run runs the plugin without a terminal.
func (w *shop) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut strings.Builder
	cmd := exec.CommandContext(t.Context(), w.bin, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = w.env, &out, &errOut
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), code
}

// patience ends a console that hangs, so that the test can say what it showed.
const patience = 50 * time.Second

// console is the plugin in a terminal of 80 columns.
type console struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex
	more *sync.Cond
	text string
	seen int // how much of the plain text has been expected
	over bool
}

func (w *shop) console(t *testing.T, env []string, args ...string) *console {
	t.Helper()
	c := &console{t: t, cmd: exec.CommandContext(t.Context(), w.bin, args...)}
	c.cmd.Env = append(append([]string{}, w.env...), env...)
	c.more = sync.NewCond(&c.mu)
	tty, err := pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	c.tty = tty
	hang := time.AfterFunc(patience, func() { _ = c.cmd.Process.Signal(syscall.SIGQUIT) })
	t.Cleanup(func() { hang.Stop(); _ = tty.Close() })
	go c.read()
	return c
}

func (c *console) read() {
	chunk := make([]byte, 4096)
	for {
		n, err := c.tty.Read(chunk)
		c.mu.Lock()
		c.text += string(chunk[:n])
		c.over = c.over || err != nil
		c.more.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// controls are what moves the cursor and paints, as far as it is used.
var controls = regexp.MustCompile(`\x1b\[[0-9;?<=>]*[ -/]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[=>]`)

func (c *console) plain() string { return controls.ReplaceAllString(c.text, "") }

// expect waits until the text shows up, after whatever was expected before.
func (c *console) expect(text string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		plain := c.plain()
		if i := strings.Index(plain[min(c.seen, len(plain)):], text); i >= 0 {
			c.seen += i + len(text)
			return
		}
		if c.over {
			c.t.Fatalf("%q never showed up:\n%s", text, plain)
		}
		c.more.Wait()
	}
}

func (c *console) send(keys string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// ends waits for the end, and wants this exit code; it returns all that was shown.
func (c *console) ends(code int) string {
	c.t.Helper()
	c.mu.Lock()
	for !c.over {
		c.more.Wait()
	}
	raw, plain := c.text, c.plain()
	c.mu.Unlock()
	_ = c.cmd.Wait()
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Errorf("exit code %d, want %d:\n%s", got, code, plain)
	}
	if strings.LastIndex(raw, "\x1b[?25l") > strings.LastIndex(raw, "\x1b[?25h") {
		c.t.Error("the cursor was left hidden")
	}
	return plain
}
