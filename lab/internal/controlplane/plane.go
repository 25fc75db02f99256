package controlplane

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/client-go/rest"

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
	Etcd, APIServer, ControllerManager *Process

	dir    state.Dir
	config *state.Config
	rest   *rest.Config
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
	process := func(name string, args []string) *Process {
		return &Process{
			name: name, args: args, self: self, lifeline: lifeline, logFile: dir.Log(name), logger: logger,
		}
	}
	certs := pki.Folder(dir.PKI())
	p := &Plane{dir: dir, config: config, rest: certs.REST(config.Ports.APIServerURL(), pki.Operator)}
	kubeconfig, err := componentKubeconfig(dir, config)
	if err != nil {
		return nil, err
	}
	webhook, err := webhookKubeconfig(dir, config)
	if err != nil {
		return nil, err
	}
	p.Etcd = process(EtcdName, etcdArgs(dir, config))
	p.APIServer = process(APIServerName, apiServerArgs(dir, config, webhook))
	p.ControllerManager = process(ControllerManagerName, controllerManagerArgs(dir, config, kubeconfig))
	return p, nil
}

// REST returns a client configuration for the API server with the lab's own certificate.
func (p *Plane) REST() *rest.Config { return rest.CopyConfig(p.rest) }

// Start starts all components and returns when the cluster can be used.
func (p *Plane) Start(ctx context.Context) error {
	if err := p.Etcd.Start(); err != nil {
		return err
	}
	if err := p.waitEtcd(ctx); err != nil {
		return err
	}
	// Both start together: the controller manager waits for the API server.
	if err := errors.Join(p.APIServer.Start(), p.ControllerManager.Start()); err != nil {
		return err
	}
	return p.WaitReady(ctx)
}

// Stop stops all components, etcd last.
func (p *Plane) Stop() {
	p.ControllerManager.Stop()
	p.APIServer.Stop()
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
