package association

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Adopt checks that the update is an association of the cluster, which an earlier run or another client began, and sets
// KeyARN to its key, so that Wait can wait for it. It begins nothing.
func (e *Engine) Adopt(ctx context.Context, updateID string) error {
	u, err := e.EKS.Update(ctx, e.Cluster.Ref(), updateID)
	switch {
	case awsclient.KindOf(err) == awsclient.KindNotFound:
		return hint.Wrap(fmt.Errorf("cluster %s has no update %s: %w", e.Cluster.Name, updateID, err),
			"check the cluster and the id: kubectl eks-encrypt status shows the last association; EKS deletes updates "+
				"after a while")
	case err != nil:
		return err
	case !u.IsAssociation():
		return hint.Wrap(fmt.Errorf("update %s of cluster %s is not an association of a key: its type is %s",
			updateID, e.Cluster.Name, u.Type), "kubectl eks-encrypt status shows the last association")
	}
	e.KeyARN = u.KeyARN
	if e.Resolve != nil {
		e.KeyARN = e.Resolve(ctx, u.KeyARN)
	}
	return nil
}
