// Package controlplane runs etcd, kube-apiserver and kube-controller-manager
// as children of the lab's daemon: the same binary, started under their names.
package controlplane

import (
	"io"
	"os"
	"os/exec"
)

// lifelineEnv tells a child which descriptor it must watch.
const lifelineEnv = "EKS_LAB_LIFELINE"

// Lifeline is a pipe that only its owner keeps open for writing. A child holds
// the reading end: however the owner dies, the child reads EOF and goes too.
type Lifeline struct{ read, write *os.File }

// NewLifeline makes the pipe.
func NewLifeline() (*Lifeline, error) {
	read, write, err := os.Pipe()
	return &Lifeline{read, write}, err
}

// Attach hands cmd the reading end as descriptor 3.
func (l *Lifeline) Attach(cmd *exec.Cmd) {
	cmd.ExtraFiles = []*os.File{l.read}
	cmd.Env = append(cmd.Environ(), lifelineEnv+"=3")
}

// WatchLifeline ends this process when its parent has died. Processes without
// a lifeline go on.
func WatchLifeline() {
	if os.Getenv(lifelineEnv) == "" {
		return
	}
	_ = os.Unsetenv(lifelineEnv)
	pipe := os.NewFile(3, "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, pipe) // returns when the last writer is gone
		os.Exit(1)
	}()
}
