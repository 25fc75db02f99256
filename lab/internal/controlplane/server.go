package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Server is one API server of the cluster.
type Server struct {
	*Process
	Number     int // 1, 2, …
	Host       string
	generation int
	address    string // host:port on loopback
	folder     string
	rest       *rest.Config

	mu        sync.Mutex
	config    []byte // the encryption configuration in force
	providers []string
}

// newServer prepares the API server with this number: its folder, certificate and
// process. The server writes its encryption configuration before it starts.
func (p *Plane) newServer(number, generation int) (*Server, error) {
	s := &Server{
		Number: number, generation: generation, Host: hostName(number, generation),
		providers: providerNames("", Old),
	}
	port := p.config.Ports.APIServer
	if p.config.Balanced() {
		var err error
		if port, err = state.FreePort(); err != nil {
			return nil, err
		}
	}
	s.address = fmt.Sprintf("%s:%d", loopback, port)
	s.folder = p.dir.Server(s.Host)
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return nil, err
	}
	authority := pki.Folder(p.dir.PKI())
	if err := authority.Issue(pki.Folder(s.folder), s.Host, time.Now()); err != nil {
		return nil, fmt.Errorf("issue the certificate of %s: %w", s.Host, err)
	}
	s.rest = authority.REST("https://"+s.address, pki.Operator)
	s.Process = p.process(serverName(number), APIServerName, apiServerArgs(p.dir, p.config, s.folder, port, p.webhook))
	s.env = []string{HostEnv + "=" + s.Host}
	if p.config.Version != state.Version {
		s.self = Binary(p.self, p.config.Version)
	}
	return s, nil
}

// Binary returns the path of the API server of another version of Kubernetes, which is
// in the folder of the lab's binary. `make lab-version` builds it.
func Binary(lab, version string) string {
	return filepath.Join(filepath.Dir(lab), APIServerName+"-"+version)
}

// serverName returns the name of a server in logs and in the list of components.
func serverName(number int) string {
	if number == 1 {
		return APIServerName
	}
	return fmt.Sprintf("%s-%d", APIServerName, number)
}

func encryptionFile(folder string) string { return filepath.Join(folder, "encryption.yaml") }

// write writes the encryption configuration that the server loads when it starts,
// or at once if it reloads.
func (s *Server) write(data []byte) error { return state.WriteFile(encryptionFile(s.folder), data) }

// setConfig notes the encryption configuration in force.
func (s *Server) setConfig(data []byte, providers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config, s.providers = data, providers
}

// inForce returns the encryption configuration in force.
func (s *Server) inForce() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

// waitReady waits until the server is ready.
func (s *Server) waitReady(ctx context.Context) error {
	return poll(ctx, s.name, 100*time.Millisecond, func(ctx context.Context) error {
		_, err := get(ctx, s.rest, "/readyz")
		return err
	})
}

// Revive starts the server if it is down, and waits until it is ready.
func (s *Server) Revive(ctx context.Context) error {
	if s.PID() != 0 {
		return nil
	}
	if err := s.Start(); err != nil {
		return err
	}
	return s.waitReady(ctx)
}

// Info describes an API server.
type Info struct {
	Number int    `json:"number"`
	PID    int    `json:"pid"` // 0 when it is down
	URL    string `json:"url"`
	Host   string `json:"host"`
	// Lease is the name of its identity Lease in kube-system.
	Lease string `json:"lease"`
	// Writes is the short name of the provider that writes: aws-owned or customer.
	Writes string `json:"writes"`
	// Providers are those of the encryption configuration in force.
	Providers []string `json:"providers"`
}

// Info returns the current state of the server.
func (s *Server) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Info{
		Number: s.Number, PID: s.PID(), URL: "https://" + s.address, Host: s.Host, Lease: LeaseName(s.Host),
		Writes: Label(s.providers[0]), Providers: s.providers,
	}
}
