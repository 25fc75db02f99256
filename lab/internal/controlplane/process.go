package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process keeps one component running. It restarts the component when it dies,
// until Stop or Kill is called.
type Process struct {
	name, logFile string
	component     string // the name under which the binary is started
	args, env     []string
	self          string // path of the binary
	lifeline      *Lifeline
	logger        *slog.Logger

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has exited
	wanted  bool          // restart the component when it dies
	backoff time.Duration // before the last restart
}

// stopGrace is how long Stop waits for a component before it kills it.
const stopGrace = 10 * time.Second

// Start starts the component if it is not running.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
	if p.running() {
		return nil
	}
	return p.spawn()
}

func (p *Process) spawn() error {
	out, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own descriptor
	cmd := exec.Command(p.self)        //nolint:noctx // Stop ends it
	cmd.Args = append([]string{p.component}, p.args...)
	cmd.Stdout, cmd.Stderr = out, out
	p.lifeline.Attach(cmd)
	cmd.Env = append(cmd.Env, p.env...)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.exited = cmd, make(chan struct{})
	go p.watch(cmd, p.exited)
	return nil
}

func (p *Process) watch(cmd *exec.Cmd, exited chan struct{}) {
	began := time.Now()
	err := cmd.Wait()
	close(exited)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted || p.cmd != cmd {
		return
	}
	p.backoff = min(max(2*p.backoff, time.Second), 10*time.Second)
	if time.Since(began) > time.Minute {
		p.backoff = time.Second
	}
	p.logger.Warn("component died, restarting it", "component", p.name, "error", err, "in", p.backoff)
	time.AfterFunc(p.backoff, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.wanted && !p.running() {
			if err := p.spawn(); err != nil {
				p.logger.Error("cannot restart the component", "component", p.name, "error", err)
			}
		}
	})
}

// running reports whether the component is running. Callers hold mu.
func (p *Process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Stop ends the component and waits until it has exited.
func (p *Process) Stop() {
	p.end(func(process *os.Process, exited <-chan struct{}) {
		_ = process.Signal(syscall.SIGCONT) // a paused process does not handle SIGTERM
		_ = process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(stopGrace):
			_ = process.Kill()
		}
	})
}

// Kill ends the component like a crash, but does not restart it.
func (p *Process) Kill() {
	p.end(func(process *os.Process, _ <-chan struct{}) { _ = process.Kill() })
}

// end calls stop if the component is running, and waits until it has exited.
func (p *Process) end(stop func(process *os.Process, exited <-chan struct{})) {
	p.mu.Lock()
	p.wanted = false
	if !p.running() {
		p.mu.Unlock()
		return
	}
	process, exited := p.cmd.Process, p.exited
	p.mu.Unlock()
	stop(process, exited)
	<-exited
}

// signal sends sig to the component. It returns an error if the component is not
// running.
func (p *Process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return errors.New(p.name + " is not running")
	}
	return p.cmd.Process.Signal(sig)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Wanted reports whether the component should run.
func (p *Process) Wanted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted
}

// Name returns the name of the component in the lab.
func (p *Process) Name() string { return p.name }

// PID returns the component's process id, or 0 if it is not running.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}
