package keys

import "fmt"

func explain(err error, operation, resource string) error {
	if denied(err) {
		return fmt.Errorf("kms:%s on %s is not permitted: %w", operation, resource, err)
	}
	return fmt.Errorf("kms %s of %s: %w", operation, resource, err)
}
