package state

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// FillPorts gives every port that is 0 a free one.
func (p *Ports) FillPorts() error {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			_ = l.Close()
		}
	}()
	for _, port := range []*int{&p.APIServer, &p.AWS, &p.Webhook, &p.Etcd, &p.EtcdPeer, &p.ControllerManager} {
		if *port != 0 {
			continue
		}
		// All stay open until the end, so that no port is given twice.
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // no name to resolve, nothing to wait for
		if err != nil {
			return err
		}
		open = append(open, l)
		*port = l.Addr().(*net.TCPAddr).Port
	}
	return nil
}

// CheckFree says which port somebody else holds, if one does.
func (p *Ports) CheckFree() error {
	var errs []error
	for name, port := range map[string]int{
		"API server": p.APIServer, "AWS endpoint": p.AWS, "token webhook": p.Webhook,
		"etcd": p.Etcd, "etcd peer": p.EtcdPeer, "controller manager": p.ControllerManager,
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

// NewRun makes the folder of the sockets: in the lab's folder if its path is
// short enough, else among the temporary files.
func NewRun(dir Dir) (string, error) {
	run := filepath.Join(string(dir), "run")
	if len(run) <= maxSocketPath {
		return run, os.MkdirAll(run, 0o700)
	}
	return os.MkdirTemp("", "eks-lab-")
}

// EnsureRun gives back the folder of the sockets, made anew if it was cleaned
// away among the temporary files.
func EnsureRun(dir Dir, run string) (string, error) {
	if run == "" {
		return NewRun(dir)
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return "", err
	}
	return run, nil
}
