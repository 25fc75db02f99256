package keys

import "fmt"

func explain(err error, operation, resource string) error {
	return explainFor("kms", err, operation, resource)
}

func explainEKS(err error, operation, resource string) error {
	return explainFor("eks", err, operation, resource)
}

func explainFor(service string, err error, operation, resource string) error {
	if denied(err) {
		return fmt.Errorf("%s:%s on %s is not permitted: %w", service, operation, resource, err)
	}
	return fmt.Errorf("%s %s of %s: %w", service, operation, resource, err)
}
