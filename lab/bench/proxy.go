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

// proxy passes TLS through to the API server, counts the bytes of both directions,
// and holds each back for half the round trip. It does not limit the bandwidth.
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
		go p.join(ctx, client)
	}
}

func (p *proxy) join(ctx context.Context, client net.Conn) {
	defer client.Close() //nolint:errcheck // it is over either way
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close() //nolint:errcheck // it is over either way
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client) })
	both.Go(func() { p.copy(client, server) })
	both.Wait()
}

type parcel struct {
	data []byte
	due  time.Time
}

// copy forwards what it reads when it is due. The line takes far more than the
// bandwidth-delay product needs, so that the delay is no limit of its own.
func (p *proxy) copy(to, from net.Conn) {
	line := make(chan parcel, 4096)
	go func() {
		defer close(line)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				p.bytes.Add(int64(n))
				line <- parcel{buffer[:n], time.Now().Add(p.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for part := range line {
		if wait := time.Until(part.due); wait > 0 && p.delay > 0 {
			time.Sleep(wait)
		}
		if _, err := to.Write(part.data); err != nil {
			break
		}
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	for range line { // let the reader end
	}
}
