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

// pluginTest runs the plugin against a fake AWS of its own.
type pluginTest struct {
	*fakeaws.Server
	env []string
	bin string
}

func newPluginTest(t testing.TB, associationTime time.Duration) *pluginTest {
	t.Helper()
	dir := t.TempDir()
	s, vars, err := startAWS(dir, associationTime, t.Cleanup)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &pluginTest{Server: s, bin: filepath.Join(dir, "kubectl-eks_encrypt"),
		env: []string{"PATH=" + os.Getenv("PATH"), "TERM=xterm-256color"}}
	if err := os.Symlink(self, w.bin); err != nil {
		t.Skip("no symbolic links here")
	}
	for name, value := range vars {
		w.env = append(w.env, name+"="+value)
	}
	return w
}

// run runs the plugin without a terminal.
func (w *pluginTest) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
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

// patience is the time after which a console is considered stuck.
const patience = 50 * time.Second

// console runs the plugin in a terminal.
type console struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	mu   sync.Mutex
	more *sync.Cond
	text string
	seen int // number of bytes of the plain text that expect has passed
	over bool
}

// console runs the plugin in a terminal that is so wide that no text wraps.
func (w *pluginTest) console(t *testing.T, env []string, args ...string) *console {
	t.Helper()
	return w.consoleOf(t, 250, env, args...)
}

// consoleOf runs the plugin in a terminal with this number of columns.
func (w *pluginTest) consoleOf(t *testing.T, columns uint16, env []string, args ...string) *console {
	t.Helper()
	c := &console{t: t, cmd: exec.CommandContext(t.Context(), w.bin, args...)}
	c.cmd.Env = append(append([]string{}, w.env...), env...)
	c.more = sync.NewCond(&c.mu)
	tty, err := pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 24, Cols: columns})
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

// controls matches the escape sequences that the plugin uses.
var controls = regexp.MustCompile(`\x1b\[[0-9;?<=>]*[ -/]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[=>]`)

func (c *console) plain() string { return controls.ReplaceAllString(c.text, "") }

// expect waits until the text appears after the text that was expected before.
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
			c.t.Fatalf("%q did not appear:\n%s", text, plain)
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

// ends waits for the end, checks the exit code, and returns all output.
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
		c.t.Errorf("exit code = %d, want %d:\n%s", got, code, plain)
	}
	if strings.LastIndex(raw, "\x1b[?25l") > strings.LastIndex(raw, "\x1b[?25h") {
		c.t.Error("the cursor is still hidden at the end")
	}
	return plain
}
