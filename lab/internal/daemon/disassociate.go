package daemon

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/etcdclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/reencrypt"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/scan"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// disassociate takes the cluster back to the AWS-owned key, with all objects. EKS cannot
// do this. It lets one lab serve many tests.
func (l *Lab) disassociate(ctx context.Context) error {
	l.faulting.Lock()
	defer l.faulting.Unlock()
	l.mu.Lock()
	key := l.config.AssociatedKey
	l.mu.Unlock()
	if key == "" {
		return nil
	}
	readable := map[int]controlplane.Level{}
	for _, server := range l.plane.Servers() {
		readable[server.Number] = controlplane.Readable
	}
	if err := l.plane.Apply(ctx, key, readable); err != nil {
		return err
	}
	if err := l.leaveKey(ctx); err != nil {
		return err
	}
	if err := l.plane.Apply(ctx, "", nil); err != nil {
		return err
	}
	l.setKey(key, "")
	l.stopCustomer()
	if err := l.aws.Update(func(w *fakeaws.State) {
		cluster := w.Clusters[state.ClusterARN]
		w.Keys[key].Grants, cluster.KeyARN, cluster.Updates = nil, "", nil
	}); err != nil {
		return err
	}
	l.log.Info("the cluster has the AWS-owned key again")
	return l.config.Save(l.dir)
}

// reencryptTries is how often the objects are re-encrypted until none has the customer key.
const reencryptTries = 3

// leaveKey re-encrypts all objects, until none is encrypted with the customer key.
func (l *Lab) leaveKey(ctx context.Context) error {
	etcd, err := etcdclient.New(l.dir, l.config)
	if err != nil {
		return err
	}
	defer func() { _ = etcd.Close() }() // it only reads
	left := 0
	for range reencryptTries {
		if err := reencrypt.All(ctx, l.plane.REST()); err != nil {
			return err
		}
		report, err := scan.Run(ctx, etcd)
		if err != nil {
			return err
		}
		if left = report.Total(controlplane.CustomerLabel); left == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d objects are still encrypted with the customer key", left)
}
