package state

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// FillPorts replaces every port that is 0 with a free one.
func (p *Ports) FillPorts() error {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			_ = l.Close()
		}
	}()
	for _, port := range []*int{&p.APIServer, &p.Inside, &p.AWS, &p.Webhook, &p.Etcd, &p.EtcdPeer} {
		if *port != 0 {
			continue
		}
		// All listeners stay open until the end, so that no port is used twice.
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // no name to resolve, nothing to wait for
		if err != nil {
			return err
		}
		open = append(open, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// FreePort returns a free port on 127.0.0.1.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // as above
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// CheckFree returns an error that names every port that is in use.
func (p *Ports) CheckFree() error {
	var errs []error
	for name, port := range map[string]int{
		"API server": p.APIServer, "internal balancer": p.Inside, "AWS endpoint": p.AWS, "token webhook": p.Webhook,
		"etcd": p.Etcd, "etcd peer": p.EtcdPeer,
	} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // as above
		if err != nil {
			errs = append(errs, fmt.Errorf("port %d of the %s: %w", port, name, err))
			continue
		}
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// maxSocketPath leaves room for a file name in the 104 bytes that macOS allows.
const maxSocketPath = 80

// EnsureRun creates the folder of the sockets if it does not exist, and returns
// its path. If run is empty, it chooses one: in the lab's folder if the path is
// short enough, else in the system's folder for temporary files, which may be
// cleaned up between two starts.
func EnsureRun(dir Dir, run string) (string, error) {
	if run == "" {
		run = filepath.Join(string(dir), "run")
		if len(run) > maxSocketPath {
			return os.MkdirTemp("", "eks-lab-")
		}
	}
	return run, os.MkdirAll(run, 0o700)
}
