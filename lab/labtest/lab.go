// Package labtest starts labs for tests, and runs programs against them as a
// person of the lab would: kubectl, the AWS CLI, the plugin through kubectl.
package labtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Lab is a running lab.
type Lab struct {
	Dir string
	bin string
	env []string
}

// Start brings a lab up, and takes it down with the test. It needs the built
// binaries: EKS_LAB_BIN and PLUGIN_BIN, as make test-lab sets them.
func Start(t *testing.T, args ...string) *Lab {
	t.Helper()
	bin, plugin := os.Getenv("EKS_LAB_BIN"), os.Getenv("PLUGIN_BIN")
	if bin == "" || plugin == "" {
		t.Skip("EKS_LAB_BIN and PLUGIN_BIN are not set: run make test-lab")
	}
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{Dir: dir, bin: bin}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the lab's log:\n%s", tail(l.Lab(t, "log").Stdout, 40))
		}
		l.Lab(t, "down", "--purge")
	})
	if up := l.Lab(t, append([]string{"up"}, args...)...); up.Code != 0 {
		t.Fatalf("eks-lab up: %s", up.Stderr)
	}
	l.As(t, "")
	return l
}

// As makes all that follows run as this person; the lab's default if empty.
func (l *Lab) As(t *testing.T, person string) {
	t.Helper()
	args := []string{"env", "-o", "json"}
	if person != "" {
		args = append(args, "--person", person)
	}
	var env struct {
		Set        map[string]string `json:"set"`
		Unset      []string          `json:"unset"`
		PathPrefix string            `json:"pathPrefix"`
	}
	if err := json.Unmarshal([]byte(l.Lab(t, args...).Must(t)), &env); err != nil {
		t.Fatal(err)
	}
	unset := map[string]bool{}
	for _, name := range env.Unset {
		unset[name] = true
	}
	l.env = nil
	path := filepath.Dir(os.Getenv("PLUGIN_BIN")) + string(os.PathListSeparator) + filepath.Dir(l.bin) + string(os.PathListSeparator) + os.Getenv("PATH")
	if env.PathPrefix != "" {
		path = env.PathPrefix + string(os.PathListSeparator) + path
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !unset[name] && name != "PATH" {
			l.env = append(l.env, pair)
		}
	}
	l.env = append(l.env, "PATH="+path)
	for name, value := range env.Set {
		l.env = append(l.env, name+"="+value)
	}
}

// Setenv adds to the environment of what is run.
func (l *Lab) Setenv(name, value string) { l.env = append(l.env, name+"="+value) }

// Getenv reads the environment of what is run.
func (l *Lab) Getenv(name string) string {
	for i := len(l.env) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(l.env[i], name+"="); found {
			return value
		}
	}
	return ""
}

// Output is what a program left.
type Output struct {
	Stdout, Stderr string
	Code           int
	what           string
}

// Must ends the test unless the program succeeded.
func (o Output) Must(t *testing.T) string {
	t.Helper()
	if o.Code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", o.what, o.Code, o.Stdout, o.Stderr)
	}
	return o.Stdout
}

// Exits ends the test unless the program left this code.
func (o Output) Exits(t *testing.T, code int) Output {
	t.Helper()
	if o.Code != code {
		t.Fatalf("%s: exit code %d, want %d\n%s%s", o.what, o.Code, code, o.Stdout, o.Stderr)
	}
	return o
}

// timeout ends a program that hangs.
const timeout = 4 * time.Minute

// Command prepares a program as the present person.
func (l *Lab) Command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := name
	for _, dir := range filepath.SplitList(l.Getenv("PATH")) {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() && !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
			break
		}
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env, cmd.WaitDelay = l.env, timeout
	return cmd
}

// Run runs a program as the present person.
func (l *Lab) Run(t *testing.T, name string, args ...string) Output {
	t.Helper()
	return run(t, l.Command(t, name, args...))
}

// Plugin runs the plugin through kubectl.
func (l *Lab) Plugin(t *testing.T, args ...string) Output {
	t.Helper()
	return l.Run(t, "kubectl", append([]string{"eks-encrypt"}, args...)...)
}

// Lab runs eks-lab on this lab's folder.
func (l *Lab) Lab(t *testing.T, args ...string) Output {
	t.Helper()
	return run(t, exec.Command(l.bin, append(args, "--dir", l.Dir)...)) //nolint:noctx // it must run at the end, too, when the test's context is over
}

// Finish runs a prepared program.
func Finish(t *testing.T, cmd *exec.Cmd) Output {
	t.Helper()
	return run(t, cmd)
}

func run(t *testing.T, cmd *exec.Cmd) Output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := Output{Stdout: stdout.String(), Stderr: stderr.String(), what: shorten(strings.Join(cmd.Args, " "))}
	failed := new(exec.ExitError)
	switch {
	case errors.As(err, &failed):
		o.Code = failed.ExitCode()
	case err != nil:
		t.Fatalf("%s: %v", o.what, err)
	}
	return o
}

func tail(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
