package balancer

import (
	"bufio"
	"context"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// listen returns a listener on 127.0.0.1 that the test closes at its end.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// server starts a server that answers each line with its name, and returns its address.
func server(t *testing.T, name string) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					_, _ = io.WriteString(conn, name+"\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

// start starts a balancer and returns it and its address.
func start(t *testing.T, name string, targets ...string) (*Balancer, string) {
	t.Helper()
	policy, err := NewPolicy(name)
	if err != nil {
		t.Fatal(err)
	}
	b, l := New(policy), listen(t)
	b.SetTargets(targets)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
	})
	return b, l.Addr().String()
}

type client struct {
	net.Conn
	lines *bufio.Reader
}

func connect(t *testing.T, address string) client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{conn, bufio.NewReader(conn)}
}

// ask returns the name of the server behind the connection, or "closed".
func (c client) ask() string {
	_, _ = io.WriteString(c, "?\n")
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return "closed"
	}
	return strings.TrimSpace(line)
}

func TestPolicies(t *testing.T) {
	targets := []string{server(t, "a"), server(t, "b"), server(t, "c")}
	for name, want := range map[string]func(got []string) bool{
		First:      func(got []string) bool { return strings.Join(got, "") == "aaaaaaaaa" },
		RoundRobin: func(got []string) bool { return strings.Join(got, "") == "abcabcabc" },
		Random: func(got []string) bool {
			return !slices.ContainsFunc(got, func(s string) bool { return s != "a" && s != "b" && s != "c" })
		},
	} {
		_, address := start(t, name, targets...)
		var got []string
		for range 9 {
			got = append(got, connect(t, address).ask())
		}
		if !want(got) {
			t.Errorf("%s: servers = %v", name, got)
		}
	}
	if _, err := NewPolicy("best"); err == nil || !strings.Contains(err.Error(), "random, round-robin, first") {
		t.Errorf("NewPolicy of an unknown name = %v, want an error that lists the names", err)
	}
}

// The random policy chooses each server.
func TestRandomChoosesEach(t *testing.T) {
	policy, _ := NewPolicy(Random)
	count := [3]int{}
	for i := range uint64(300) {
		count[policy(i, 3)]++
	}
	for i, n := range count {
		if n < 30 {
			t.Errorf("server %d was chosen %d times of 300", i, n)
		}
	}
}

// A connection stays with its server. New connections use the new targets, and skip
// a server that does not accept connections.
func TestSetTargets(t *testing.T) {
	a, b := server(t, "a"), server(t, "b")
	down := listen(t)
	_ = down.Close()
	balancer, address := start(t, First, down.Addr().String(), a)
	old := connect(t, address)
	if got := old.ask(); got != "a" {
		t.Errorf("server = %s, want a, because the first one is down", got)
	}
	balancer.SetTargets([]string{b})
	if got := connect(t, address).ask(); got != "b" {
		t.Errorf("server of a new connection = %s, want b", got)
	}
	if got := old.ask(); got != "a" {
		t.Errorf("server of the old connection = %s, want a", got)
	}
	balancer.SetTargets(nil)
	if got := connect(t, address).ask(); got != "closed" {
		t.Errorf("server without targets = %s, want a closed connection", got)
	}
}

// The client sees the end of the server's stream, and the server that of the client's.
func TestEndOfStream(t *testing.T) {
	_, address := start(t, First, server(t, "a"))
	c := connect(t, address)
	if got := c.ask(); got != "a" {
		t.Fatalf("server = %s, want a", got)
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	if rest, err := io.ReadAll(c.lines); err != nil || len(rest) != 0 {
		t.Errorf("rest of the stream = %q, %v, want its end", rest, err)
	}
}
