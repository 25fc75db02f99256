// Package labtest starts labs for tests and runs programs against them as a user
// of the lab: kubectl, the AWS CLI, and the plugin through kubectl.
package labtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kubeconfig"
)

// Lab is a running lab.
type Lab struct {
	Dir string
	bin string
	env []string
}

// WithAWS is the argument of Start for tests that run the AWS CLI, which is then also
// the source of tokens. Without it the lab's own, faster program is.
const WithAWS = "--token-command=auto"

// Start starts a lab and removes it at the end of the test. The test runs at the same
// time as others (go test -parallel). It needs the paths of the built binaries in
// EKS_LAB_BIN and PLUGIN_BIN, which make test-lab sets.
func Start(t *testing.T, args ...string) *Lab {
	t.Helper()
	bin, plugin := os.Getenv("EKS_LAB_BIN"), os.Getenv("PLUGIN_BIN")
	if bin == "" || plugin == "" {
		t.Skip("EKS_LAB_BIN and PLUGIN_BIN are not set: run make test-lab")
	}
	parallel(t)
	dir, err := os.MkdirTemp("", "lab") //nolint:usetesting // sockets need a short path; the log is read after the test
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{Dir: dir, bin: bin}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the lab:\n%s", tail(l.Lab(t, "log").Stdout, 40))
		}
		l.Lab(t, "down", "--purge")
	})
	args = append([]string{"up", "--token-command=lab"}, args...)
	if version := os.Getenv("EKS_LAB_VERSION"); version != "" { // set by make test-versions
		args = append(args, "--kubernetes-version", version)
	}
	if up := l.Lab(t, args...); up.Code != 0 {
		t.Fatalf("eks-lab up: %s", up.Stderr)
	}
	l.As(t, "")
	return l
}

// parallel makes the test run at the same time as others. The second lab of a test calls
// it again, for which t.Parallel panics.
func parallel(t *testing.T) {
	defer func() { _ = recover() }()
	t.Parallel()
}

// As makes all further programs run as this user, or as the lab's default user if
// name is empty.
func (l *Lab) As(t *testing.T, user string) {
	t.Helper()
	var env kubeconfig.Environment
	raw := l.Lab(t, "env", "-o", "json", "--person", user).Must(t)
	if err := json.Unmarshal([]byte(raw), &env); err != nil {
		t.Fatal(err)
	}
	l.env = env.Apply(os.Environ(), filepath.Dir(os.Getenv("PLUGIN_BIN")), filepath.Dir(l.bin))
}

// Setenv sets a variable in the environment of all further programs.
func (l *Lab) Setenv(name, value string) { l.env = append(l.env, name+"="+value) }

// Getenv returns a variable from the environment of all further programs.
func (l *Lab) Getenv(name string) string {
	for i := len(l.env) - 1; i >= 0; i-- {
		if value, found := strings.CutPrefix(l.env[i], name+"="); found {
			return value
		}
	}
	return ""
}

// Output is the result of a program.
type Output struct {
	Stdout, Stderr string
	Code           int
	command        string
}

// Must returns the standard output. It ends the test if the program failed.
func (o Output) Must(t *testing.T) string {
	t.Helper()
	if o.Code != 0 {
		t.Fatalf("%s: exit code %d\n%s%s", o.command, o.Code, o.Stdout, o.Stderr)
	}
	return o.Stdout
}

// Exits ends the test if the exit code is not the given one.
func (o Output) Exits(t *testing.T, code int) Output {
	t.Helper()
	if o.Code != code {
		t.Fatalf("%s: exit code = %d, want %d\n%s%s", o.command, o.Code, code, o.Stdout, o.Stderr)
	}
	return o
}

// timeout is the longest wait for a program after the end of the test's context.
const timeout = 4 * time.Minute

// Command returns a command that runs the program as the current user.
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

// Run runs a program as the current user.
func (l *Lab) Run(t *testing.T, name string, args ...string) Output {
	t.Helper()
	return Exec(t, l.Command(t, name, args...))
}

// Plugin runs the plugin through kubectl.
func (l *Lab) Plugin(t *testing.T, args ...string) Output {
	t.Helper()
	return l.Run(t, "kubectl", append([]string{"eks-encrypt"}, args...)...)
}

// Lab runs eks-lab on this lab's folder.
func (l *Lab) Lab(t *testing.T, args ...string) Output {
	t.Helper()
	// It must also run during cleanup, when the test's context has ended.
	return Exec(t, exec.Command(l.bin, append(args, "--dir", l.Dir)...)) //nolint:noctx // see above
}

// Exec runs cmd and returns its output.
func Exec(t *testing.T, cmd *exec.Cmd) Output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := Output{Stdout: stdout.String(), Stderr: stderr.String()}
	o.command = fmt.Sprintf("%.300s", strings.Join(cmd.Args, " "))
	failed := new(exec.ExitError)
	switch {
	case errors.As(err, &failed):
		o.Code = failed.ExitCode()
	case err != nil:
		t.Fatalf("%s: %v", o.command, err)
	}
	return o
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
