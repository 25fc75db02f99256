package apiserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const metricsTimeout = 30 * time.Second

// Server is an API server, as far as a connection to it shows which one it is.
type Server struct {
	// ID is equal for connections to one server: the sha256 of the name of its Lease, or
	// the digest of its certificate. It is empty if neither is known.
	ID string
	// Metrics is the page that identified the server; nil if it was not readable.
	Metrics *Metrics
	// Now is the server's clock; zero if unknown.
	Now time.Time
	// Err is why there are no metrics.
	Err error
}

// Hash returns how an API server names itself in its metrics, given the name of its
// Lease, or a key, given the id of the key.
func Hash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// recentWrite is how long ago a server must have written with a key for it to count as
// its write key. Each server renews its Lease every 10 seconds.
const recentWrite = time.Minute

// WriteKey returns the key that the server last wrote with, if that was lately.
func (s Server) WriteKey() (key Key, ok bool) {
	if s.Metrics == nil {
		return key, false
	}
	latest := 0.0
	for k, at := range s.Metrics.LastWrite {
		if at > latest {
			key, latest = k, at
		}
	}
	return key, s.WroteLately(key)
}

// WroteLately reports whether the server wrote with the key in the last minute, by its
// own clock.
func (s Server) WroteLately(key Key) bool {
	if s.Metrics == nil {
		return false
	}
	at, ok := s.Metrics.LastWrite[key]
	return ok && float64(s.Now.Unix())-at < recentWrite.Seconds()
}

// ChangedKey reports whether the server wrote with several keys within the time that has elapsed, by
// its own clock. It does not know what an earlier process of the server wrote with.
func (s Server) ChangedKey(elapsed time.Duration) bool {
	if s.Metrics == nil {
		return false
	}
	key, _ := s.WriteKey()
	since := float64(s.Now.Unix()) - elapsed.Seconds()
	for k, at := range s.Metrics.LastWrite {
		if k != key && at >= since {
			return true
		}
	}
	return false
}

// ChangedKeySince reports whether the server wrote with another key than its present one after the earlier
// metrics of the same process were read.
func (s Server) ChangedKeySince(earlier *Metrics) bool {
	key, _ := s.WriteKey()
	for k, at := range s.Metrics.LastWrite {
		if k != key && at > earlier.LastWrite[k] {
			return true
		}
	}
	return false
}

// Scrape reads the metrics page, and returns the connection that it came over.
func (l *Lane) Scrape(ctx context.Context) (server Server, connection string, err error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	ctx, current := l.Trace(ctx)
	resp, err := l.Do(ctx, Request{Method: http.MethodGet, Path: "/metrics", Accept: "text/plain;version=0.0.4"})
	if err != nil {
		return server, "", fmt.Errorf("read the metrics of the API server: %w", err)
	}
	defer drain(resp.Body)
	server = Server{ID: fingerprint(resp), Now: Date(resp)}
	switch {
	case resp.StatusCode >= http.StatusInternalServerError, resp.StatusCode == http.StatusTooManyRequests:
		return server, current(), fmt.Errorf("read the metrics of the API server: %s", resp.Status)
	case resp.StatusCode != http.StatusOK:
		server.Err = fmt.Errorf("read the metrics of the API server: %s", resp.Status)
		return server, current(), nil
	}
	m, err := ParseMetrics(resp.Body)
	if err != nil {
		server.Err = err
		return server, current(), nil
	}
	server.Metrics = m
	if m.Server != "" {
		server.ID = m.Server
		l.compare(current(), server)
	}
	return server, current(), nil
}

// compare notes the first server that named itself on a connection, and whether another one did later.
func (l *Lane) compare(connection string, server Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, known := l.known[connection]
	if !known {
		l.known[connection] = server
	}
	l.pooled = l.pooled || known && first.ID != server.ID
}

// Pooled reports whether different servers named themselves on one connection: a proxy spreads its
// requests over them.
func (l *Lane) Pooled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pooled
}

// Identify returns the server behind a connection of the lane, or the zero value if
// the lane has moved to another connection. It asks the server once per connection.
func (l *Lane) Identify(ctx context.Context, connection string) (Server, error) {
	l.mu.Lock()
	server, known := l.known[connection]
	l.mu.Unlock()
	if known {
		return server, nil
	}
	server, over, err := l.Scrape(ctx)
	if err != nil {
		return Server{}, err
	}
	l.mu.Lock()
	l.known[over] = server
	l.mu.Unlock()
	if over != connection && connection != "" {
		return Server{}, nil
	}
	return server, nil
}

// Date returns the time of the response by the server's clock; zero if unknown.
func Date(resp *http.Response) time.Time {
	t, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Address returns the address by which an API server names itself in /api, which every
// user may read, and the connection that it came over. It is a small answer, but some
// clusters give all servers one address.
func (l *Lane) Address(ctx context.Context) (address, connection string, err error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	ctx, current := l.Trace(ctx)
	resp, err := l.Do(ctx, Request{Method: http.MethodGet, Path: "/api", Accept: runtime.ContentTypeJSON})
	if err != nil {
		return "", "", fmt.Errorf("read the address of the API server: %w", err)
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("read the address of the API server: %s", resp.Status)
	}
	var versions metav1.APIVersions
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&versions); err != nil {
		return "", "", fmt.Errorf("read the address of the API server: %w", err)
	}
	if len(versions.ServerAddressByClientCIDRs) == 0 {
		return "", current(), nil
	}
	return versions.ServerAddressByClientCIDRs[0].ServerAddress, current(), nil
}
