package rewriter

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// CheckNamespace returns an error if the namespace certainly does not exist: a run that is limited to it
// would find no objects, and so nothing to prove. It requires list on namespaces; without it, the
// namespace is not checked.
func CheckNamespace(ctx context.Context, config *rest.Config, namespace string) error {
	c, err := newClient(config, 1)
	if err != nil {
		return err
	}
	defer c.close()
	for token := ""; ; {
		p, err := c.list(ctx, scope{resource: namespaces()}, token, largestPage)
		if err != nil || slices.Contains(p.names, namespace) {
			return context.Cause(ctx)
		}
		if token = p.next; token == "" {
			return hint.Wrap(fmt.Errorf("namespace %q does not exist", namespace), "kubectl get namespaces")
		}
	}
}
