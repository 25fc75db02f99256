package balancer

import (
	"io"
	"net"
)

// pipe copies from one connection to the other until an end or an error, and
// passes an end on. After an error both connections are closed.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_, _ = to.Close(), from.Close()
		return
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only if the connection has ended already
	}
}
