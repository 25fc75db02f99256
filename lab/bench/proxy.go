package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// proxy forwards TLS connections to the API server, counts the bytes in both
// directions and delays each direction by half the round trip. It does not limit
// the bandwidth.
type proxy struct {
	listener net.Listener
	server   string
	delay    time.Duration // one way
	bytes    atomic.Int64
}

func startProxy(ctx context.Context, server string, roundTrip time.Duration) (*proxy, error) {
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, server: u.Host, delay: roundTrip / 2}
	go p.accept(ctx)
	return p, nil
}

func (p *proxy) url() string { return "https://" + p.listener.Addr().String() }

func (p *proxy) stop() { _ = p.listener.Close() }

func (p *proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go p.forward(ctx, client)
	}
}

func (p *proxy) forward(ctx context.Context, client net.Conn) {
	defer client.Close() //nolint:errcheck // the connection has ended anyway
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // the connection has ended anyway
	var directions sync.WaitGroup
	directions.Go(func() { p.copy(server, client) })
	directions.Go(func() { p.copy(client, server) })
	directions.Wait()
}

// chunk is data that is forwarded at the time due.
type chunk struct {
	data []byte
	due  time.Time
}

// copy forwards data after the delay. The queue is much larger than the
// bandwidth-delay product, so that it does not limit the throughput.
func (p *proxy) copy(to, from net.Conn) {
	queue := make(chan chunk, 4096)
	go func() {
		defer close(queue)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				p.bytes.Add(int64(n))
				queue <- chunk{buffer[:n], time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for c := range queue {
		if wait := time.Until(c.due); wait > 0 && p.delay > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(c.data); err != nil {
			break
		}
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	for range queue { // until the reader has ended
	}
}
