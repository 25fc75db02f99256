// Package controlplane runs etcd, kube-apiserver and kube-controller-manager
// as child processes of the lab's daemon. Each child is the lab's own binary,
// started under the component's name.
package controlplane

import (
	"io"
	"os"
	"os/exec"
)

// lifelineEnv is the environment variable that makes a child watch its lifeline.
const lifelineEnv = "EKS_LAB_LIFELINE"

// Lifeline is a pipe that ends child processes with their parent. Only the parent
// holds the writing end. When it dies, for whatever reason, the children read EOF
// and exit.
type Lifeline struct{ read, write *os.File }

// NewLifeline creates the pipe.
func NewLifeline() (*Lifeline, error) {
	read, write, err := os.Pipe()
	return &Lifeline{read, write}, err
}

// Attach passes the reading end to cmd as file descriptor 3.
func (l *Lifeline) Attach(cmd *exec.Cmd) {
	cmd.ExtraFiles = []*os.File{l.read}
	cmd.Env = append(cmd.Environ(), lifelineEnv+"=3")
}

// WatchLifeline makes this process exit when its parent dies. It does nothing in
// a process without a lifeline.
func WatchLifeline() {
	if os.Getenv(lifelineEnv) == "" {
		return
	}
	_ = os.Unsetenv(lifelineEnv)
	pipe := os.NewFile(3, "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, pipe) // returns when the last writer has closed the pipe
		os.Exit(1)
	}()
}
