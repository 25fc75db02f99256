package cmdutil

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Interactive reports whether prompts are possible: stdin and stderr are terminals.
func (f *Factory) Interactive() bool {
	in, ok := f.In.(*os.File)
	out, ok2 := sanitize.Raw(f.ErrOut).(*os.File)
	return ok && ok2 && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
}

// NeedsYes reports whether --yes is required because no prompt is possible.
func (f *Factory) NeedsYes(yes bool) bool { return !yes && !f.Interactive() }

// Prompt prints a question to stderr and returns the line that the user types. It
// returns early when ctx ends.
func (f *Factory) Prompt(ctx context.Context, question string) (string, error) {
	fmt.Fprint(f.ErrOut, question)
	type answer struct {
		line string
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(f.In).ReadString('\n')
		read <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(f.ErrOut)
		return "", context.Cause(ctx)
	case a := <-read:
		if a.line == "" && a.err != nil {
			return "", errors.New("no answer was given")
		}
		return a.line, nil
	}
}

// Confirm prints a yes-or-no question and reports whether the user answered yes.
func (f *Factory) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := f.Prompt(ctx, question+" [y/N] ")
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}
