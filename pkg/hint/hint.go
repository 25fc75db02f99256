// Package hint attaches the next step to an error: the command to run, or the
// permission to ask for. An error is one clause; everything else is its hint.
package hint

import (
	"errors"
	"fmt"
)

// Hinter is an error that knows what the user can do about it.
type Hinter interface {
	error
	// Hint returns the next step, or "" if there is none.
	Hint() string
}

type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }
func (e *hinted) Hint() string  { return e.hint }

// Wrap returns err with a formatted hint. It returns nil if err is nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// New returns an error with this text and a hint.
func New(text, hint string) error { return &hinted{errors.New(text), hint} }

// Of returns the hint of err, or of the first error that err wraps and that has one.
// It returns "" if there is none.
func Of(err error) string {
	var h Hinter
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
