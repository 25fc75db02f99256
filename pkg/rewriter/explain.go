package rewriter

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// MissingRight says which right of the Kubernetes user is missing.
type MissingRight struct {
	Verb, Resource, Namespace string
	Err                       error // as the API server put it
}

// Error names the verb, the resource and the namespace, and what to do next.
func (e *MissingRight) Error() string {
	scope := "in the whole cluster"
	if e.Namespace != "" {
		scope = fmt.Sprintf("in namespace %q", e.Namespace)
	}
	return fmt.Sprintf("the Kubernetes user may not %s %s %s: %v\nhint: `kubectl eks-encrypt generate rbac` prints the role that is needed (list and patch, no get)",
		e.Verb, e.Resource, scope, e.Err)
}

// Unwrap returns the API server's error.
func (e *MissingRight) Unwrap() error { return e.Err }

// explain turns the authorizer's refusal into a MissingRight.
func explain(err error, verb string, s scope) error {
	if missingRight(err) {
		return &MissingRight{Verb: verb, Resource: s.resource.String(), Namespace: s.namespace, Err: err}
	}
	if apierrors.IsUnauthorized(err) {
		return fmt.Errorf("the API server does not know the credentials: %w", err)
	}
	return err
}
