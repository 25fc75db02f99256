package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"charm.land/huh/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
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

// pickKey lets the user choose one of the keys: the eligible first, the others
// with the reason why they can't be chosen.
func (g *globals) pickKey(ctx context.Context, list *v1alpha1.KeyList) (string, error) {
	reasons := map[string]string{}
	var choices []huh.Option[string]
	for _, k := range list.Items {
		if k.Manager == "AWS" {
			continue
		}
		label := strings.Join(k.Aliases, ", ")
		if label == "" {
			label = "(no alias)"
		}
		label += "  " + k.ARN[strings.LastIndexByte(k.ARN, '/')+1:]
		if !k.Eligible {
			reasons[k.ARN] = strings.Join(k.Reasons, "; ")
			label = "x " + label + ": " + reasons[k.ARN]
		}
		choices = append(choices, huh.NewOption(output.Clean(label), k.ARN))
	}
	if len(choices) == len(reasons) {
		return "", hinted(fmt.Errorf("no key of %s can be associated", list.Region), "kubectl eks-encrypt keys says why; kubectl eks-encrypt keys create makes one")
	}
	var chosen string
	field := huh.NewSelect[string]().Title("Which key?").Description("Those marked x can't be taken. Type / to filter.").
		Options(choices...).Height(min(len(choices)+4, 16)).Value(&chosen).
		Validate(func(arn string) error {
			if why := reasons[arn]; why != "" {
				return errors.New(output.Clean(why))
			}
			return nil
		})
	err := huh.NewForm(huh.NewGroup(field)).WithInput(g.In).WithOutput(g.ErrOut).WithTheme(huh.ThemeFunc(huh.ThemeBase)).RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return "", exit(exitInterrupted, errors.New("no key was chosen: nothing was changed"))
	}
	return chosen, err
}
