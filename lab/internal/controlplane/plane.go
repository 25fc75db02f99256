package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/balancer"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Names of the components. The lab's binary runs a component when it is started
// under the component's name.
const (
	EtcdName              = "etcd"
	APIServerName         = "kube-apiserver"
	ControllerManagerName = "kube-controller-manager"
)

// Plane is the control plane of the real cluster.
type Plane struct {
	Etcd, ControllerManager *Process

	dir     state.Dir
	config  *state.Config
	self    string // path of the lab's binary
	process func(name, component string, args []string) *Process
	webhook string // kubeconfig of the token webhook
	rest    *rest.Config
	// front balances the connections of clients, inside those of the control plane.
	front, inside *balancer.Balancer

	applying sync.Mutex // held while encryption configurations change
	mu       sync.Mutex // guards servers
	servers  []*Server
}

// New returns a Plane whose components are not started yet.
func New(dir state.Dir, config *state.Config, logger *slog.Logger) (*Plane, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	lifeline, err := NewLifeline()
	if err != nil {
		return nil, err
	}
	policy, err := balancer.NewPolicy(config.Balance)
	if err != nil {
		return nil, err
	}
	first, err := balancer.NewPolicy(balancer.First)
	if err != nil {
		return nil, err
	}
	certs := pki.Folder(dir.PKI())
	p := &Plane{
		dir: dir, config: config, self: self, rest: certs.REST(config.InsideURL(), pki.Operator),
		front: balancer.New(policy), inside: balancer.New(first),
		process: func(name, component string, args []string) *Process {
			return &Process{
				name: name, component: component, args: args,
				self: self, lifeline: lifeline, logFile: dir.Log(name), logger: logger,
			}
		},
	}
	kubeconfig, err := componentKubeconfig(dir, config)
	if err != nil {
		return nil, err
	}
	if p.webhook, err = webhookKubeconfig(dir, config); err != nil {
		return nil, err
	}
	p.Etcd = p.process(EtcdName, EtcdName, etcdArgs(dir, config))
	p.ControllerManager = p.process(ControllerManagerName, ControllerManagerName, controllerManagerArgs(dir, kubeconfig))
	if err := os.RemoveAll(dir.Server("")); err != nil { // of an earlier run
		return nil, err
	}
	for n := range config.Servers {
		server, err := p.newServer(n+1, 0)
		if err != nil {
			return nil, err
		}
		p.servers = append(p.servers, server)
	}
	return p, nil
}

// Servers returns the API servers, by number.
func (p *Plane) Servers() []*Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.servers)
}

// REST returns a client configuration for the API server with the lab's own certificate.
func (p *Plane) REST() *rest.Config { return rest.CopyConfig(p.rest) }

// Start starts all components and returns when the cluster can be used. The API
// servers write with the given key.
func (p *Plane) Start(ctx context.Context, key string) error {
	if err := p.Etcd.Start(); err != nil {
		return err
	}
	if err := p.waitEtcd(ctx); err != nil {
		return err
	}
	data, err := EncryptionConfig(p.config, key, Current)
	if err != nil {
		return err
	}
	for _, server := range p.Servers() {
		if err := server.write(data); err != nil {
			return err
		}
		server.setConfig(data, providerNames(key, Current))
		if err := server.Start(); err != nil {
			return err
		}
	}
	p.balance()
	// The controller manager waits for the API server.
	return errors.Join(p.ControllerManager.Start(), p.WaitReady(ctx))
}

// WaitReady waits until all API servers are ready that should run.
func (p *Plane) WaitReady(ctx context.Context) error {
	var errs []error
	for _, server := range p.Servers() {
		if server.Wanted() {
			errs = append(errs, server.waitReady(ctx))
		}
	}
	return errors.Join(errs...)
}

// Stop stops all components, etcd last.
func (p *Plane) Stop() {
	p.ControllerManager.Stop()
	var stopping sync.WaitGroup
	for _, server := range p.Servers() {
		stopping.Go(server.Stop)
	}
	stopping.Wait()
	p.Etcd.Stop()
}

// poll calls f until it returns nil or ctx ends. The error names what it waited
// for and includes the last error of f.
func poll(ctx context.Context, what string, every time.Duration, f func(context.Context) error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}
