package output

import (
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/printers"
)

// Colour paints words. It is never the only signal: the words say the same.
type Colour struct{ on bool }

// NewColour decides whether text written to w is painted: mode is "auto" (as
// kubectl decides: a terminal, TERM not dumb, NO_COLOR unset), "always" or
// "never".
func NewColour(w io.Writer, mode string) (Colour, error) {
	switch mode {
	case "auto":
		return Colour{on: printers.AllowsColorOutput(w)}, nil
	case "always":
		return Colour{on: true}, nil
	case "never":
		return Colour{}, nil
	}
	return Colour{}, fmt.Errorf("invalid --color %q: one of auto, always, never", mode)
}

// Good paints in green.
func (c Colour) Good(s string) string { return c.paint("32", s) }

// Bad paints in red.
func (c Colour) Bad(s string) string { return c.paint("31", s) }

// Doubtful paints in yellow.
func (c Colour) Doubtful(s string) string { return c.paint("33", s) }

// Strong paints in bold.
func (c Colour) Strong(s string) string { return c.paint("1", s) }

// Faint paints in grey, or what the terminal takes for it.
func (c Colour) Faint(s string) string { return c.paint("2", s) }

func (c Colour) paint(code, s string) string {
	if !c.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
