package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/picker"
)

// aliasColumn bounds the column of the aliases, so that the key's id fits 80 columns.
const aliasColumn = 36

// pickKey lets the user choose one of the keys: the eligible first, the others
// greyed, with the reason why they can't be chosen.
func (g *globals) pickKey(ctx context.Context, list *v1alpha1.KeyList) (string, error) {
	fit := false
	for _, k := range list.Items {
		fit = fit || k.Eligible
	}
	if !fit {
		return "", hinted(fmt.Errorf("no key of %s can be associated", list.Region), "kubectl eks-encrypt keys says why; kubectl eks-encrypt keys create makes one")
	}
	chosen, err := picker.Pick(ctx, g.In, g.ErrOut, picker.List{
		Title: "Which key? Those marked x can't be taken.",
		Lines: keyLines(list.Items),
		Faint: g.errColour().Faint,
	})
	if errors.Is(err, picker.ErrNone) {
		return "", exit(exitInterrupted, errors.New("no key was chosen: "+nothingSent))
	}
	if err != nil {
		return "", err
	}
	return list.Items[chosen].ARN, nil
}

// keyLines are the lines to choose from: the aliases, and the id or what is against it.
func keyLines(items []v1alpha1.KeyListItem) []picker.Line {
	names := make([]string, len(items))
	column := 0
	for i, k := range items {
		names[i] = output.Clean(strings.Join(k.Aliases, ", "))
		if names[i] == "" {
			names[i] = "(no alias)"
		}
		if k.Eligible {
			column = max(column, len([]rune(names[i])))
		}
	}
	column = min(column, aliasColumn)
	lines := make([]picker.Line, len(items))
	for i, k := range items {
		id := k.ARN[strings.LastIndexByte(k.ARN, '/')+1:]
		line := picker.Line{Search: k.ARN + "\n" + names[i]}
		switch why := output.Clean(strings.Join(k.Reasons, "; ")); {
		case k.Eligible:
			line.Text = fmt.Sprintf("  %-*s  %s", column, cut(names[i], column), id)
		case len(k.Aliases) == 0:
			line.Text, line.Why = "x "+id+": "+why, why
		default:
			line.Text, line.Why = "x "+names[i]+": "+why, why
		}
		lines[i] = line
	}
	return lines
}

func cut(s string, width int) string {
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}
