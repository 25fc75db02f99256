package output

import (
	"fmt"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const planWidth = 80

// PlanText writes what an association would do: checks, what becomes of the tool
// that manages the cluster, and the steps.
func PlanText(w io.Writer, p *v1alpha1.AssociationPlan, c Colour) error {
	e := &errWriter{w: w}
	e.line(c.Strong("Plan: associate a KMS key with EKS cluster " + Clean(p.Cluster.Name)))
	f := &Fields{}
	f.Add("Cluster", p.Cluster.ARN)
	f.Add("Key", p.Key.ARN)
	f.Add("Aliases", strings.Join(p.Key.Aliases, ", "))
	e.do(f.Print)
	e.line("")
	for _, check := range p.Checks {
		e.line(checkPaint(c, check.Result)(fmt.Sprintf("%-8s", check.Result)) + Clean(check.Name))
		e.line(Wrap(check.Message, "        ", planWidth))
		if check.Remedy != "" && check.Result != v1alpha1.ResultPass {
			e.line(Wrap("-> "+check.Remedy, "        ", planWidth))
		}
	}
	if d := p.Drift; d.Snippet != "" {
		e.line("")
		e.line(c.Strong(fmt.Sprintf("Managed by: %s (%s)", d.Tool, d.Confidence)))
		e.line(Wrap("Consequence: "+d.Consequence, "", planWidth))
		if d.Remedy != "" {
			e.line(Wrap("Remedy: "+d.Remedy, "", planWidth))
		}
		e.line("")
		for line := range strings.Lines(d.Snippet) {
			e.line("    " + Clean(strings.TrimRight(line, "\n")))
		}
	}
	if len(p.Steps) > 0 {
		e.line("")
		e.line(c.Strong("Steps"))
		for i, step := range p.Steps {
			e.line(Wrap(fmt.Sprintf("%d. %s", i+1, step), "   ", planWidth)[3:])
		}
	}
	return e.err
}

func checkPaint(c Colour, r v1alpha1.Result) func(string) string {
	switch r {
	case v1alpha1.ResultPass:
		return c.Good
	case v1alpha1.ResultFail:
		return c.Bad
	}
	return c.Doubtful
}

// Wrap breaks text at spaces so that lines stay within the width where words
// allow it; each begins with the indent. The text is cleaned.
func Wrap(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(Clean(text)) {
		n := len([]rune(word))
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
