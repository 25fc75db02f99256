package rewriter

import (
	"errors"
	"slices"
	"testing"
	"time"

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

// TestPause checks that a run waits as long as a server requests, but not for hours.
func TestPause(t *testing.T) {
	for _, test := range []struct {
		attempt, requested int // seconds
		jitter             float64
		want               time.Duration
	}{
		{0, 0, 0, 100 * time.Millisecond}, {0, 0, 1, 200 * time.Millisecond}, {3, 0, 0, 800 * time.Millisecond},
		{50, 0, 1, 5 * time.Second}, {0, 10, 0, 10 * time.Second}, {0, 10, 1, 12500 * time.Millisecond},
		{0, 7200, 0, 30 * time.Second}, {50, 1, 1, 5 * time.Second},
	} {
		err := apierrors.NewTooManyRequests("slow down", test.requested)
		if got := pause(test.attempt, err, test.jitter); got != test.want {
			t.Errorf("pause(%d, %d s, %v) = %s, want %s", test.attempt, test.requested, test.jitter, got, test.want)
		}
	}
}
