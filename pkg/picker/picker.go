// Package picker lets somebody at a terminal choose one line of a list.
package picker

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "charm.land/bubbletea/v2"
)

// ErrNone says that the user left without a choice.
var ErrNone = errors.New("nothing was chosen")

// Line is one thing to choose.
type Line struct {
	// Text is what is shown: one line of it, without escape sequences.
	Text string
	// Search is what is typed to find the line, where that is more than Text.
	Search string
	// Why says why this one can't be taken; empty for those that can.
	Why string
}

// List is what to choose from.
type List struct {
	Title string
	Lines []Line
	// Faint paints a line that can't be taken.
	Faint func(string) string
}

// Pick shows the list on out, which is a terminal as in is, and returns the index
// of the line that was taken. It leaves nothing on the screen. ErrNone: the user
// left, or the context ended.
func Pick(ctx context.Context, in io.Reader, out io.Writer, list List) (int, error) {
	input, end := ordered(in)
	defer end()
	last, err := tea.NewProgram(newModel(list), tea.WithContext(ctx), tea.WithInput(input), tea.WithOutput(out)).Run()
	switch {
	case errors.Is(err, tea.ErrInterrupted), ctx.Err() != nil:
		return 0, ErrNone
	case err != nil:
		return 0, fmt.Errorf("showing the list: %w", err)
	}
	m := last.(model) //nolint:forcetypeassert // what Run was given
	if m.state != taken {
		return 0, ErrNone
	}
	return m.found[m.at], nil
}
