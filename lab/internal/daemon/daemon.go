// Package daemon is the process behind a lab: it serves the AWS endpoint, the
// token webhook and the KMS plugins, and keeps the control plane running.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kubeconfig"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Lab is a running lab.
type Lab struct {
	dir    state.Dir
	config *state.Config
	log    *slog.Logger
	aws    *fakeaws.Server
	plane  *controlplane.Plane
	life   context.Context // ends when stop is called
	stop   context.CancelFunc
	ready  chan struct{} // closed when the cluster can be used

	stopCustomer func() // stops the KMS plugin of the associated key

	faulting sync.Mutex         // held while faults change
	resume   context.CancelFunc // ends the slowness of the API servers; guarded by faulting

	mu     sync.Mutex // guards the fields below, and config.AssociatedKey
	step   string
	faults admin.ClusterFaults
}

// startTimeout is long, because on a busy machine the API server alone can take
// a minute to start.
const startTimeout = 5 * time.Minute

// Run serves the lab until ctx ends or a client calls stop. A folder has at most
// one daemon.
func Run(ctx context.Context, dir state.Dir, log *slog.Logger) error {
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	config, err := state.Load(dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l := &Lab{
		dir: dir, config: config, log: log, life: ctx, stop: stop, ready: make(chan struct{}), step: "preparing",
	}
	defer l.shutdown()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := l.start(starting); err != nil && ctx.Err() == nil {
		// Keep running: the user may fix the cause in the lab, such as a disabled key.
		log.Error("the cluster did not start", "error", err)
		l.progress("the cluster did not start: " + err.Error())
		if err := l.plane.WaitReady(ctx); err == nil {
			err = l.bootstrap(ctx)
			log.Info("the cluster started late", "error", err)
		}
	}
	<-ctx.Done()
	return nil
}

// prepare starts everything except the control plane.
func (l *Lab) prepare(ctx context.Context) error {
	certs := pki.Folder(l.dir.PKI())
	if err := certs.Fill(time.Now()); err != nil {
		return fmt.Errorf("make certificates: %w", err)
	}
	run, err := state.EnsureRun(l.dir, l.config.Run)
	if err != nil {
		return err
	}
	if run != l.config.Run {
		l.config.Run = run
		if err := l.config.Save(l.dir); err != nil {
			return err
		}
	}
	if err := l.serveAdmin(ctx); err != nil {
		return err
	}
	if l.plane, err = controlplane.New(l.dir, l.config, l.log); err != nil {
		return err
	}
	if err := l.plane.Serve(ctx, func(err error) { l.log.Error("the balancer ended", "error", err) }); err != nil {
		return err
	}
	if err := l.openAWS(); err != nil {
		return err
	}
	if err := l.serveAWS(ctx); err != nil {
		return err
	}
	if err := l.serveWebhook(ctx, certs); err != nil {
		return err
	}
	if err := kubeconfig.WriteAWSFiles(l.dir, l.config); err != nil {
		return err
	}
	return kubeconfig.Write(l.dir.Kubeconfig(), l.config.Ports.APIServerURL(), certs.Cert(pki.CA))
}

// start starts the control plane.
func (l *Lab) start(ctx context.Context) error {
	l.progress("starting the KMS plugins")
	if err := l.startPlugins(ctx); err != nil {
		return err
	}
	l.progress("starting etcd, kube-apiserver and kube-controller-manager")
	if err := l.plane.Start(ctx, l.config.AssociatedKey); err != nil {
		return err
	}
	return l.bootstrap(ctx)
}

// bootstrap creates the RBAC objects and marks the lab as ready.
func (l *Lab) bootstrap(ctx context.Context) error {
	l.progress("creating the RBAC roles")
	if err := l.grantRoles(ctx); err != nil {
		return err
	}
	l.progress("")
	close(l.ready)
	l.log.Info("ready", "apiServer", l.config.Ports.APIServerURL(), "aws", l.config.Ports.AWSURL())
	return nil
}

func (l *Lab) progress(step string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step = step
}

func (l *Lab) shutdown() {
	l.stop()
	if l.plane != nil {
		l.plane.Stop()
	}
	if l.aws != nil {
		l.aws.Close()
	}
	l.log.Info("stopped")
}

// lock ensures that only one daemon serves the folder. The kernel releases the
// lock when the process ends, also after a kill.
func lock(dir state.Dir) (unlock func(), err error) {
	f, err := os.OpenFile(dir.LockFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another daemon is using %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
