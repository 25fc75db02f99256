// Package picker lets the user select one item of a list at a terminal: with the arrow
// keys and a filter, or by number where the terminal cannot move the cursor.
package picker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	tea "charm.land/bubbletea/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// ErrNone is returned if the user cancels or the context ends.
var ErrNone = errors.New("nothing was chosen")

// Line is one item of a List.
type Line struct {
	// Text is shown. It is a single line without escape sequences.
	Text string
	// Search is matched by the filter in addition to Text.
	Search string
	// Why is the reason why the item cannot be selected. It is empty for eligible items.
	Why string
}

// List is the list to select from.
type List struct {
	Title string
	Lines []Line
	// Faint styles the ineligible items. Nil means no style.
	Faint func(string) string
}

// Pick shows the list on out and returns the index of the selected line. Both in and out
// are the terminal. The list is erased afterwards. If TERM is dumb or unset, Pick prints a
// numbered list instead and reads a number, which also suits screen readers.
func Pick(ctx context.Context, in io.Reader, out io.Writer, list List) (int, error) {
	if list.Faint == nil {
		list.Faint = func(s string) string { return s }
	}
	input, end := cancelable(in)
	defer end()
	if plainTerminal(os.Getenv("TERM")) {
		defer context.AfterFunc(ctx, end)()
		return pickByNumber(ctx, input, out, list)
	}
	last, err := tea.NewProgram(newModel(list), tea.WithContext(ctx), tea.WithInput(input),
		tea.WithOutput(sanitize.Raw(out))).Run()
	switch {
	case errors.Is(err, tea.ErrInterrupted), ctx.Err() != nil:
		return 0, ErrNone
	case err != nil:
		return 0, fmt.Errorf("show the list: %w", err)
	}
	m := last.(model) //nolint:forcetypeassert // Run returns the type that it was given
	if m.state != selected {
		return 0, ErrNone
	}
	return m.current().index, nil
}

// plainTerminal reports whether a terminal of this TERM lacks cursor control. Windows
// sets no TERM, and its consoles have cursor control.
func plainTerminal(term string) bool {
	return term == "dumb" || term == "" && runtime.GOOS != "windows"
}
