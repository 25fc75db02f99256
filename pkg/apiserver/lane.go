package apiserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// Lane is a client with a connection of its own. Over HTTP/2 all its requests share
// that connection, unless the server closes it (GOAWAY) and the next request opens
// another one. A Lane is safe for concurrent use.
type Lane struct {
	http  *http.Client
	base  string // URL of the API server, without a slash at the end
	dials atomic.Int64

	mu     sync.Mutex
	known  map[string]Server // by connection
	pooled bool
}

// Request is one request to an API server.
type Request struct {
	Method, Path string
	Query        url.Values
	Accept       string
	ContentType  string
	Body         []byte
}

// Open returns the lane with this number. It does not connect. Lanes with different
// numbers prefer different addresses of the API server, if its name has several.
func Open(config *rest.Config, number int) (*Lane, error) {
	l := &Lane{known: map[string]Server{}}
	own := rest.CopyConfig(config)
	dial := own.Dial
	if dial == nil {
		dial = dialAddress(number)
	}
	// A Dial function makes client-go create a transport for this lane alone.
	own.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		l.dials.Add(1)
		return dial(ctx, network, address)
	}
	var err error
	if l.http, err = rest.HTTPClientFor(own); err != nil {
		return nil, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(own)
	if err != nil {
		return nil, fmt.Errorf("parse API server address %q: %w", own.Host, err)
	}
	l.base = strings.TrimRight(base.String(), "/")
	return l, nil
}

// HTTP1 returns a copy of config for HTTP/1.1. The servers of EKS close HTTP/2
// connections at random to spread the load, but not those of HTTP/1.1.
func HTTP1(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.NextProtos = []string{"http/1.1"}
	return own
}

// dialAddress returns a dialer that tries one address of the name first, for five seconds, and then the
// others: a run opens many connections, and one of the addresses may not be reachable.
func dialAddress(number int) func(context.Context, string, string) (net.Conn, error) {
	preferred := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		if err == nil && len(addresses) > 1 {
			one := net.JoinHostPort(addresses[number%len(addresses)], port)
			if conn, err := preferred.DialContext(ctx, network, one); err == nil {
				return conn, nil
			}
		}
		return dialer.DialContext(ctx, network, address)
	}
}

// Do sends a request. The caller must close the body of the response, whatever its
// status code is.
func (l *Lane) Do(ctx context.Context, r Request) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, l.base+r.Path+"?"+r.Query.Encode(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", r.Accept)
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	return l.http.Do(req)
}

// Trace returns a context that notes the connection of the last request that is sent
// with it, and a function that returns this connection.
func (l *Lane) Trace(ctx context.Context) (traced context.Context, connection func() string) {
	var last atomic.Value
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		// A local address may be used again after its connection has ended. The number of
		// dials differs then. It may also grow without need, which costs one more scrape.
		last.Store(fmt.Sprintf("%d %s", l.dials.Load(), info.Conn.LocalAddr()))
	}}
	return httptrace.WithClientTrace(ctx, trace), func() string {
		connection, _ := last.Load().(string)
		return connection
	}
}

// Dials returns how many connections the lane has opened.
func (l *Lane) Dials() int64 { return l.dials.Load() }

// Close closes the idle connections of the lane. The next request opens another one.
func (l *Lane) Close() {
	// Not http.Client.CloseIdleConnections: the wrappers of client-go hide the method of
	// the transport.
	utilnet.CloseIdleConnectionsFor(l.http.Transport)
}

// fingerprint returns the digest of the server's certificate; empty without TLS.
func fingerprint(resp *http.Response) string {
	if resp.TLS == nil || len(resp.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(resp.TLS.PeerCertificates[0].Raw)
	return "certificate " + hex.EncodeToString(sum[:])
}

// drain reads up to 64 KiB of the rest, so that the connection can be used again, and
// closes the body.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}
