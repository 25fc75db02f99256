package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/balancer"
)

// How long one server may take. A server retries a failed reload. On a busy machine, a
// server can take a minute to start.
const (
	reloadTimeout  = time.Minute
	replaceTimeout = 3 * time.Minute
)

// Apply brings all API servers, one after the other, to an encryption configuration
// with the key, and returns when each of them uses it. A server with a limit stays
// at that level.
func (p *Plane) Apply(ctx context.Context, key string, limits map[int]Level) error {
	p.applying.Lock()
	defer p.applying.Unlock()
	for _, stage := range p.stages(key) {
		for _, server := range p.Servers() {
			level := stage
			if limit, limited := limits[server.Number]; limited {
				level = min(level, limit)
			}
			if err := p.bring(ctx, server, key, level); err != nil {
				return err
			}
		}
		p.balance()
	}
	return nil
}

// stages returns the levels that the servers reach together. All of them must be able
// to read with the key before the first one writes with it.
func (p *Plane) stages(key string) []Level {
	writes := func(s *Server) bool { return s.Info().Writes == Customer }
	if servers := p.Servers(); len(servers) == 1 || key == "" || slices.ContainsFunc(servers, writes) {
		return []Level{Current}
	}
	return []Level{Readable, Current}
}

// bring makes one server use its encryption configuration.
func (p *Plane) bring(ctx context.Context, s *Server, key string, level Level) error {
	data, err := EncryptionConfig(p.config, key, level)
	if err != nil {
		return err
	}
	providers := providerNames(key, level)
	switch {
	case bytes.Equal(s.inForce(), data):
		return nil
	case s.PID() == 0 || p.config.HotReload: // a server that is down reads the file when it starts
		began := time.Now()
		if err := s.write(data); err != nil {
			return err
		}
		if s.PID() != 0 {
			ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
			defer cancel()
			if err := s.waitReloaded(ctx, data, began); err != nil {
				return errors.Join(err, s.write(s.inForce()))
			}
		}
		s.setConfig(data, providers)
		return nil
	default:
		return p.replace(ctx, s, data, providers)
	}
}

// replace starts another server with the encryption configuration, waits until it is
// ready, sends new connections to it, and stops the old server.
func (p *Plane) replace(ctx context.Context, old *Server, data []byte, providers []string) error {
	next, err := p.newServer(old.Number, old.generation+1)
	if err != nil {
		return err
	}
	if err := next.write(data); err != nil {
		return err
	}
	if err := next.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, replaceTimeout)
	defer cancel()
	if err := next.waitReady(ctx); err != nil {
		next.Stop()
		return errors.Join(fmt.Errorf("replace API server %d: %w", old.Number, err), os.RemoveAll(next.folder))
	}
	next.setConfig(data, providers)
	p.mu.Lock()
	p.servers[old.Number-1] = next
	p.mu.Unlock()
	p.balance()
	old.Stop()
	return os.RemoveAll(old.folder)
}

// Slow pauses the API server with this number for a share (0 to 1) of each period, until
// ctx ends. A paused server keeps its connections but does not respond.
func (p *Plane) Slow(ctx context.Context, number int, share float64, period time.Duration) {
	paused := time.Duration(share * float64(period))
	for ctx.Err() == nil {
		server := p.Servers()[number-1] // it may have been replaced
		_ = server.signal(syscall.SIGSTOP)
		sleep(ctx, paused)
		_ = server.signal(syscall.SIGCONT) // fails only if the server is not running, as above
		sleep(ctx, period-paused)
	}
}

// balance makes the balancers use the current servers. The control plane's own clients
// prefer a server that has followed the association.
func (p *Plane) balance() {
	var all, current, behind []string
	for _, s := range p.Servers() {
		all = append(all, s.address)
		if s.Info().Writes == Customer {
			current = append(current, s.address)
		} else {
			behind = append(behind, s.address)
		}
	}
	p.front.SetTargets(all)
	p.inside.SetTargets(append(current, behind...))
}

// Serve runs the balancers until ctx ends, if the servers need them.
func (p *Plane) Serve(ctx context.Context, failed func(error)) error {
	if !p.config.Balanced() {
		return nil
	}
	for b, port := range map[*balancer.Balancer]int{
		p.front: p.config.Ports.APIServer, p.inside: p.config.Ports.Inside,
	} {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("%s:%d", loopback, port))
		if err != nil {
			return err
		}
		go func() {
			if err := b.Serve(ctx, listener); err != nil {
				failed(err)
			}
		}()
	}
	return nil
}
