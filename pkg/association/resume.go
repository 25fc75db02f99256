package association

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Resume waits for an association that an earlier run or another client began, and returns it like Wait. It begins
// nothing. It sets KeyARN to the key of the update.
func (e *Engine) Resume(ctx context.Context, updateID string) (eks.Update, error) {
	u, err := e.EKS.Update(ctx, e.Cluster.Ref(), updateID)
	switch {
	case awsclient.KindOf(err) == awsclient.KindNotFound:
		return u, hint.Wrap(fmt.Errorf("cluster %s has no update %s: %w", e.Cluster.Name, updateID, err),
			"check the cluster and the id: kubectl eks-encrypt status shows the last association; EKS deletes updates "+
				"after a while")
	case err != nil:
		return u, err
	case !u.IsAssociation():
		return u, hint.Wrap(fmt.Errorf("update %s of cluster %s is not an association of a key: its type is %s",
			updateID, e.Cluster.Name, u.Type), "kubectl eks-encrypt status shows the last association")
	}
	e.KeyARN = u.KeyARN
	if e.Resolve != nil {
		e.KeyARN = e.Resolve(ctx, u.KeyARN)
	}
	return e.Wait(ctx, updateID)
}
