package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kmsplugin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// reloadTimeout leaves the API server several tries.
const reloadTimeout = time.Minute

// associate puts the customer's key first in the API server's encryption
// configuration, and returns when the API server encrypts with it. On an error
// all is as before. Simulated clusters need nothing.
func (l *Lab) associate(ctx context.Context, e fakeaws.AssociateEvent) error {
	if e.ClusterARN != state.ClusterARN {
		return nil
	}
	select { // after a restart the update goes on before the cluster is up
	case <-l.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.willFail() {
		return nil // EKS lets the update fail; the cluster stays under its old key
	}
	l.log.Info("associating", "key", e.KeyARN, "update", e.UpdateID)
	if !l.setKey("", e.KeyARN) { // taken up again after a restart
		return nil
	}
	if err := l.reload(ctx, e.KeyARN); err != nil {
		l.setKey(e.KeyARN, "")
		if undo := l.plane.WriteEncryption(); undo != nil {
			l.log.Error("take the key back", "error", undo)
		}
		return fmt.Errorf("put %s to use: %w", e.KeyARN, err)
	}
	l.log.Info("the API server encrypts with the customer's key", "key", e.KeyARN)
	return l.config.Save(l.dir)
}

// reload makes the API server encrypt with the key.
func (l *Lab) reload(ctx context.Context, keyARN string) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	stop, err := l.startPlugin(ctx, controlplane.Customer, keyARN)
	if err != nil {
		return err
	}
	if err := l.plane.ReloadEncryption(ctx); err != nil {
		stop()
		return err
	}
	return nil
}

// setKey changes the key in use; false if it was not the old one.
func (l *Lab) setKey(old, key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.config.AssociatedKey != old {
		return false
	}
	l.config.AssociatedKey = key
	return true
}

func (l *Lab) willFail() (fail bool) {
	l.aws.View(func(w *fakeaws.World) { fail = w.Clusters[state.ClusterARN].FailAssociation != nil })
	return fail
}

// startPlugins serves the AWS-owned key, and the customer's if there is one.
func (l *Lab) startPlugins(ctx context.Context) error {
	if _, err := l.startPlugin(ctx, controlplane.AWSOwned, awsOwnedKey.ARN()); err != nil {
		return err
	}
	if l.config.AssociatedKey == "" {
		return nil
	}
	_, err := l.startPlugin(ctx, controlplane.Customer, l.config.AssociatedKey)
	return err
}

func (l *Lab) startPlugin(ctx context.Context, name, keyARN string) (stop func(), err error) {
	plugin := &kmsplugin.Plugin{
		KMS: kmsplugin.NewKMS(l.config.Ports.AWSURL(), state.Region, l.config.Service), KeyARN: keyARN, Log: l.log,
	}
	stop, err = plugin.Serve(ctx, l.config.KMSSocket(name))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(l.life, stop) //nolint:contextcheck // the association outlives its request
	return stop, nil
}
