package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"charm.land/huh/v2"
	"golang.org/x/term"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

const (
	usualWidth = 80
	// pickerFrame is what the picker itself needs of each line: border, cursor, and
	// the last column, at which some terminals wrap.
	pickerFrame = 5
	pickerLines = 16
	// pickerMost bounds the choice: the library draws every line anew at every key.
	pickerMost = 250
)

// pickKey lets the user choose one of the keys: the eligible first, the others
// greyed, with the reason why they can't be chosen.
func (g *globals) pickKey(ctx context.Context, list *v1alpha1.KeyList) (string, error) {
	reasons := map[string]string{}
	for _, k := range list.Items {
		if !k.Eligible {
			reasons[k.ARN] = output.Clean(strings.Join(k.Reasons, "; "))
		}
	}
	if len(reasons) == len(list.Items) {
		return "", hinted(fmt.Errorf("no key of %s can be associated", list.Region), "kubectl eks-encrypt keys says why; kubectl eks-encrypt keys create makes one")
	}
	items, about := list.Items, "Those marked x can't be taken. Type / to filter."
	if left := len(items) - pickerMost; left > 0 {
		items = items[:pickerMost]
		about += fmt.Sprintf("\n%d more keys are not shown here; name one of them as KEY.", left)
	}
	choices := keyChoices(items, g.errWidth()-pickerFrame, g.errColour())
	var chosen string
	field := huh.NewSelect[string]().Title("Which key?").Description(about).
		Options(choices...).Height(min(len(choices)+2, pickerLines)).Value(&chosen).
		Validate(func(arn string) error {
			if why := reasons[arn]; why != "" {
				return errors.New(why)
			}
			return nil
		})
	input, end := forPicker(g.In)
	defer end()
	err := huh.NewForm(huh.NewGroup(field)).WithInput(input).WithOutput(g.ErrOut).WithTheme(huh.ThemeFunc(huh.ThemeBase)).RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) || ctx.Err() != nil {
		return "", exit(exitInterrupted, errors.New("no key was chosen: "+nothingSent))
	}
	return chosen, err
}

// keyChoices are the lines to choose from: one each, cut to the width.
func keyChoices(items []v1alpha1.KeyListItem, width int, c output.Colour) []huh.Option[string] {
	names := make([]string, len(items))
	column := 0
	for i, k := range items {
		names[i] = strings.Join(k.Aliases, ", ")
		if names[i] == "" {
			names[i] = "(no alias)"
		}
		if k.Eligible {
			column = max(column, len([]rune(names[i])))
		}
	}
	column = min(column, max(width-2-len("  11111111-1111-1111-1111-111111111111"), 0))
	choices := make([]huh.Option[string], len(items))
	for i, k := range items {
		id := k.ARN[strings.LastIndexByte(k.ARN, '/')+1:]
		var line string
		switch {
		case k.Eligible:
			line = fmt.Sprintf("  %-*s  %s", column, cut(output.Clean(names[i]), column), id)
		case len(k.Aliases) == 0:
			line = "x " + id + ": " + strings.Join(k.Reasons, "; ")
		default:
			line = "x " + names[i] + ": " + strings.Join(k.Reasons, "; ")
		}
		line = cut(output.Clean(line), width)
		if !k.Eligible {
			line = c.Faint(line)
		}
		choices[i] = huh.NewOption(line, k.ARN)
	}
	return choices
}

func cut(s string, width int) string {
	if runes := []rune(s); width > 0 && len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

// errWidth is that of the terminal behind stderr.
func (g *globals) errWidth() int {
	if f, ok := g.ErrOut.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
			return width
		}
	}
	return usualWidth
}
