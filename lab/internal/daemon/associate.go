package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/kmsplugin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// associate puts the customer key first in the encryption configurations of the API
// servers, and returns when they encrypt with it. If it returns an error, nothing has
// changed. It does nothing for simulated clusters.
func (l *Lab) associate(ctx context.Context, e fakeaws.AssociateEvent) error {
	if e.ClusterARN != state.ClusterARN {
		return nil
	}
	select { // after a restart the update resumes before the cluster is ready
	case <-l.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.failsOnPurpose() {
		return nil // the fake EKS ends the update as Failed; the cluster keeps its old key
	}
	l.log.Info("associating", "key", e.KeyARN, "update", e.UpdateID)
	if !l.setKey("", e.KeyARN) { // already set: the update was resumed after a restart
		return nil
	}
	if err := l.encryptWith(ctx, e.KeyARN); err != nil {
		l.setKey(e.KeyARN, "")
		return fmt.Errorf("encrypt with %s: %w", e.KeyARN, err)
	}
	l.log.Info("the API servers encrypt with the customer key", "key", e.KeyARN)
	return l.config.Save(l.dir)
}

// encryptWith starts the key's KMS plugin and makes the API servers use it, except
// those that lag. After an error all of them use the AWS-owned key.
func (l *Lab) encryptWith(ctx context.Context, keyARN string) error {
	stop, err := l.startPlugin(ctx, controlplane.CustomerLabel, keyARN)
	if err != nil {
		return err
	}
	l.stopCustomer = stop
	if err := l.plane.Apply(ctx, keyARN, l.limits()); err != nil {
		undo := l.plane.Apply(l.life, "", nil) //nolint:contextcheck // ctx may be the reason for the error
		stop()
		return errors.Join(err, undo)
	}
	return nil
}

// limits returns the levels at which the servers stay that lag.
func (l *Lab) limits() map[int]controlplane.Level {
	l.mu.Lock()
	defer l.mu.Unlock()
	limits := map[int]controlplane.Level{}
	for number, fault := range l.faults.Servers {
		switch fault.Lag {
		case admin.LagOld:
			limits[number] = controlplane.Old
		case admin.LagReadable:
			limits[number] = controlplane.Readable
		}
	}
	return limits
}

// setKey changes the associated key from old to key. It reports whether old was
// the associated key.
func (l *Lab) setKey(old, key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.config.AssociatedKey != old {
		return false
	}
	l.config.AssociatedKey = key
	return true
}

// failsOnPurpose reports whether a fault makes associations fail.
func (l *Lab) failsOnPurpose() (fail bool) {
	l.aws.View(func(w *fakeaws.State) { fail = w.Clusters[state.ClusterARN].FailAssociation != nil })
	return fail
}

// startPlugins starts a KMS plugin for the AWS-owned key, and one for the
// associated customer key if there is one.
func (l *Lab) startPlugins(ctx context.Context) error {
	owned := awsOwnedKey()
	if _, err := l.startPlugin(ctx, controlplane.AWSOwnedLabel, owned.ARN()); err != nil {
		return err
	}
	if l.config.AssociatedKey == "" {
		return nil
	}
	var err error
	l.stopCustomer, err = l.startPlugin(ctx, controlplane.CustomerLabel, l.config.AssociatedKey)
	return err
}

func (l *Lab) startPlugin(ctx context.Context, name, keyARN string) (stop func(), err error) {
	plugin := &kmsplugin.Plugin{
		KMS:    kmsplugin.NewKMS(l.config.Ports.AWSURL(), state.Region, l.config.Service),
		KeyARN: keyARN, OpaqueID: l.config.OpaqueKeyID, Log: l.log,
	}
	stop, err = plugin.Serve(ctx, l.config.KMSSocket(name))
	if err != nil {
		return nil, err
	}
	context.AfterFunc(l.life, stop) //nolint:contextcheck // the plugin outlives the request that started it
	return stop, nil
}
