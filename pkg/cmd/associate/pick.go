package associate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/picker"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// maxAliasWidth limits the column of the aliases, so that a line fits 80 columns.
const maxAliasWidth = 36

// pickKey lets the user choose a key. Eligible keys come first; the others are grey and
// show the reason.
func pickKey(ctx context.Context, f *cmdutil.Factory, list *v1alpha1.KeyList) (string, error) {
	eligible := false
	for _, k := range list.Items {
		eligible = eligible || k.Eligible
	}
	if !eligible {
		return "", hint.Wrap(fmt.Errorf("no key in %s is eligible", list.Region),
			"kubectl eks-encrypt keys shows the reasons; kubectl eks-encrypt keys create creates a key")
	}
	chosen, err := picker.Pick(ctx, f.In, f.ErrOut, picker.List{
		Title: "Select a key. Keys marked x are not eligible.",
		Lines: keyLines(list.Items),
		Faint: f.ErrColour().Faint,
	})
	if errors.Is(err, picker.ErrNone) {
		return "", cmdutil.WithCode(cmdutil.ExitInterrupted, errors.New("no key was selected: "+nothingChanged))
	}
	if err != nil {
		return "", err
	}
	return list.Items[chosen].ARN, nil
}

// keyLines returns a line for each key: the aliases, and the id or the reason why the
// key is not eligible.
func keyLines(items []v1alpha1.KeyListItem) []picker.Line {
	names := make([]string, len(items))
	column := 0
	for i, k := range items {
		names[i] = sanitize.Line(strings.Join(k.Aliases, ", "))
		if names[i] == "" {
			names[i] = "(no alias)"
		}
		if k.Eligible {
			column = max(column, ansi.StringWidth(names[i]))
		}
	}
	column = min(column, maxAliasWidth)
	lines := make([]picker.Line, len(items))
	for i, k := range items {
		id := sanitize.Line(k.ARN[strings.LastIndexByte(k.ARN, '/')+1:])
		line := picker.Line{Search: k.ARN + "\n" + names[i]}
		switch why := sanitize.Line(strings.Join(k.Reasons, "; ")); {
		case k.Eligible:
			line.Text = fmt.Sprintf("  %-*s  %s", column, ansi.Truncate(names[i], column, "…"), id)
		case len(k.Aliases) == 0:
			line.Text, line.Why = "x "+id+": "+why, why
		default:
			line.Text, line.Why = "x "+names[i]+": "+why, why
		}
		lines[i] = line
	}
	return lines
}
