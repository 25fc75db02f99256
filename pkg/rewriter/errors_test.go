package rewriter

import (
	"errors"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestUndecryptableObjects(t *testing.T) {
	named := func(fields ...string) error {
		err := apierrors.NewInternalError(errors.New("x"))
		for _, f := range fields {
			err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Field: f})
		}
		return err
	}
	message := func(s string) error { return apierrors.NewInternalError(errors.New(s)) }
	tests := []struct {
		name       string
		err        error
		namespaced bool
		want       [][2]string
	}{
		{
			"from the causes", named("/registry/secrets/a/b", "/registry/secrets/c/d"), true,
			[][2]string{{"a", "b"}, {"c", "d"}},
		},
		{
			"from the message",
			message(`unable to transform key "/registry/secrets/a/b": no matching prefix found`), true,
			[][2]string{{"a", "b"}},
		},
		{
			"cluster-scoped", message(`unable to transform key "/registry/clusterroles/x"`), false,
			[][2]string{{"", "x"}},
		},
		{"no name in the message", message("boom"), true, nil},
		{"key too short", message(`key "/a"`), true, nil},
		{"not a Status", errors.New(`key "/registry/secrets/a/b"`), true, nil},
	}
	for _, test := range tests {
		if got := undecryptableObjects(test.err, test.namespaced); !slices.Equal(got, test.want) {
			t.Errorf("%s: undecryptableObjects = %v, want %v", test.name, got, test.want)
		}
	}
}
