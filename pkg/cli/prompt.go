package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

// needsYes refuses a change where nobody can be asked and nobody has said yes.
func (g *globals) needsYes(yes bool) bool { return !yes && !g.interactive() }

// ask prints a question to stderr and reads one line. It ends with the context.
func (g *globals) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(g.ErrOut, question)
	type answer struct {
		line string
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(g.In).ReadString('\n')
		read <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(g.ErrOut)
		return "", context.Cause(ctx)
	case a := <-read:
		if a.line == "" && a.err != nil {
			return "", errors.New("no answer was given")
		}
		return a.line, nil
	}
}
