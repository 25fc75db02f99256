// Package balancer forwards TCP connections to one of several servers, like a
// network load balancer: it chooses a server for each connection and does not
// look into the connection.
package balancer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Policy returns the index (0 to n-1) of the server for the connection number i.
type Policy func(i uint64, n int) int

// Names of the policies.
const (
	Random     = "random"
	RoundRobin = "round-robin"
	First      = "first"
)

// NewPolicy returns the policy with this name.
func NewPolicy(name string) (Policy, error) {
	switch name {
	case Random:
		return func(_ uint64, n int) int { return rand.IntN(n) }, nil
	case RoundRobin:
		return func(i uint64, n int) int { return int(i % uint64(n)) }, nil
	case First:
		return func(uint64, int) int { return 0 }, nil
	}
	known := strings.Join([]string{Random, RoundRobin, First}, ", ")
	return nil, fmt.Errorf("unknown way %q to balance connections; the ways are %s", name, known)
}

// dialTimeout is how long a connection waits for one server.
const dialTimeout = 5 * time.Second

// Balancer forwards connections.
type Balancer struct {
	policy Policy

	mu      sync.Mutex
	targets []string
	next    uint64 // number of the next connection
}

// New returns a Balancer without targets.
func New(policy Policy) *Balancer { return &Balancer{policy: policy} }

// SetTargets replaces the addresses of the servers. Existing connections remain.
func (b *Balancer) SetTargets(addresses []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = slices.Clone(addresses)
}

// order returns the targets for the next connection: the chosen one, then the
// others, in case it does not accept connections.
func (b *Balancer) order() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.targets) == 0 {
		return nil
	}
	first := b.policy(b.next, len(b.targets))
	b.next++
	return slices.Concat(b.targets[first:], b.targets[:first])
}

// Serve forwards the connections of the listener until ctx ends. Then it closes
// all of them.
func (b *Balancer) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	for {
		client, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go b.forward(ctx, client)
	}
}

// forward connects the client with a server. Without a server it closes the
// client's connection.
func (b *Balancer) forward(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := dial(ctx, b.order())
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	defer context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pipe(server, client)
	}()
	pipe(client, server)
	<-done
}

// dial connects to the first address that accepts the connection.
func dial(ctx context.Context, addresses []string) (net.Conn, error) {
	errs := []error{errors.New("no server accepts connections")}
	for _, address := range addresses {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
