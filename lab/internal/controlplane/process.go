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

// Process keeps one component running: started again when it dies, until
// stopped on purpose.
type Process struct {
	name, log string
	args      []string
	self      string // this binary
	lifeline  *Lifeline
	logger    *slog.Logger

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{} // of cmd
	wanted  bool
	done    sync.WaitGroup
	restart time.Duration
}

// stopGrace is how long a component may take to end by itself.
const stopGrace = 10 * time.Second

// Start runs the component. A running one stays.
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
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	cmd := exec.Command(p.self)        //nolint:noctx // Stop ends it in order
	cmd.Args = append([]string{p.name}, p.args...)
	cmd.Stdout, cmd.Stderr = out, out
	p.lifeline.Attach(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.exited = cmd, make(chan struct{})
	p.done.Add(1)
	go p.watch(cmd, p.exited)
	return nil
}

func (p *Process) watch(cmd *exec.Cmd, exited chan struct{}) {
	defer p.done.Done()
	began := time.Now()
	err := cmd.Wait()
	close(exited)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wanted || p.cmd != cmd {
		return
	}
	p.restart = min(max(2*p.restart, time.Second), 10*time.Second)
	if time.Since(began) > time.Minute {
		p.restart = time.Second
	}
	p.logger.Warn("component died, starting it again", "component", p.name, "error", err, "in", p.restart)
	time.AfterFunc(p.restart, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.wanted && !p.running() {
			if err := p.spawn(); err != nil {
				p.logger.Error("component does not start", "component", p.name, "error", err)
			}
		}
	})
}

// running is called with mu held.
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

// Stop ends the component and waits until it has gone.
func (p *Process) Stop() {
	p.mu.Lock()
	p.wanted = false
	if !p.running() {
		p.mu.Unlock()
		return
	}
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGCONT) // a frozen one could not end
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(stopGrace):
		_ = cmd.Process.Kill()
		<-exited
	}
}

// Kill ends the component as a crash would; it is not started again.
func (p *Process) Kill() {
	p.mu.Lock()
	p.wanted = false
	if !p.running() {
		p.mu.Unlock()
		return
	}
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-exited
}

// Freeze and thaw: a frozen component keeps its connections and answers nothing.
func (p *Process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return errors.New(p.name + " is not running")
	}
	return p.cmd.Process.Signal(sig)
}

// Slow freezes the component for a share (0 to 1) of the time, in turns of
// period, until ctx ends.
func (p *Process) Slow(ctx context.Context, share float64, period time.Duration) {
	frozen := time.Duration(share * float64(period))
	for ctx.Err() == nil {
		_ = p.signal(syscall.SIGSTOP) // not running: nothing to slow down
		pause(ctx, frozen)
		_ = p.signal(syscall.SIGCONT)
		pause(ctx, period-frozen)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// PID is the component's process id, 0 when it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return 0
	}
	return p.cmd.Process.Pid
}
