// Package daemon is the lab itself: it serves the AWS endpoint, the token
// webhook and the KMS plugins, and keeps the control plane running.
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
	life   context.Context // of the lab; stop ends it
	stop   context.CancelFunc
	ready  chan struct{} // closed when the cluster can be used

	mu       sync.Mutex // guards what follows, and config.AssociatedKey
	step     string
	switches admin.Switches
	thaw     context.CancelFunc // ends the slowness of the API server
}

// startTimeout is generous: on a machine under load the API server alone may
// take a minute.
const startTimeout = 5 * time.Minute

// Run serves the lab until ctx ends or somebody orders a stop. One folder has
// one daemon at most.
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
	l := &Lab{dir: dir, config: config, log: log, life: ctx, stop: stop, ready: make(chan struct{}), step: "preparing"}
	defer l.shutdown()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := l.start(starting); err != nil && ctx.Err() == nil {
		// Stay up: the way out (a disabled key to enable) may lie in the lab.
		log.Error("the cluster does not start", "error", err)
		l.progress("the cluster does not start: " + err.Error())
		if err := l.plane.WaitReady(ctx); err == nil {
			err = l.bootstrap(ctx)
			log.Info("the cluster has started after all", "error", err)
		}
	}
	<-ctx.Done()
	return nil
}

// prepare brings up all but the control plane.
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
	return kubeconfig.Write(l.dir.Kubeconfig(), certs.Cert(pki.CA), kubeconfig.Options{Server: l.config.Ports.APIServerURL()})
}

// start brings up the control plane.
func (l *Lab) start(ctx context.Context) error {
	l.progress("starting the KMS plugins")
	if err := l.startPlugins(ctx); err != nil {
		return err
	}
	if err := l.plane.WriteEncryption(); err != nil {
		return err
	}
	l.progress("starting etcd, kube-apiserver and kube-controller-manager")
	if err := l.plane.Start(ctx); err != nil {
		return err
	}
	return l.bootstrap(ctx)
}

func (l *Lab) bootstrap(ctx context.Context) error {
	l.progress("setting up who may do what")
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

// lock makes sure that one daemon alone serves the folder. The lock goes with
// the process, however that ends.
func lock(dir state.Dir) (unlock func(), err error) {
	f, err := os.OpenFile(dir.LockFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another daemon serves %s: %w", dir, err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
