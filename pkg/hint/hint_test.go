package hint

import (
	"errors"
	"fmt"
	"testing"
)

func TestOf(t *testing.T) {
	base := errors.New("no key")
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nil":             {nil, ""},
		"no hint":         {base, ""},
		"hint":            {Wrap(base, "run %s", "keys"), "run keys"},
		"wrapped":         {fmt.Errorf("associate: %w", Wrap(base, "run keys")), "run keys"},
		"outermost first": {Wrap(Wrap(base, "inner"), "outer"), "outer"},
		"new":             {New("no key", "run keys"), "run keys"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Of(test.err); got != test.want {
				t.Errorf("Of = %q, want %q", got, test.want)
			}
		})
	}
}

func TestWrapKeepsTheError(t *testing.T) {
	base := errors.New("no key")
	if err := Wrap(base, "run keys"); !errors.Is(err, base) || err.Error() != "no key" {
		t.Errorf("Wrap = %v, want an error that wraps %v and has its text", err, base)
	}
	if Wrap(nil, "x") != nil {
		t.Error("Wrap(nil) = an error, want nil")
	}
}
