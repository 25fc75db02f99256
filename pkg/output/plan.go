package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// PlanText writes the plan of an association for people: the checks, the consequence for
// the tool that manages the cluster, and the steps.
func PlanText(w io.Writer, p *v1alpha1.AssociationPlan, c Colour) error {
	e := newTextWriter(w)
	e.line(c.Strong("Plan: associate a KMS key with EKS cluster " + sanitize.Line(p.Cluster.Name)))
	f := &Fields{}
	f.Add("Cluster", p.Cluster.ARN)
	f.Add("Account", p.Cluster.Account)
	f.Add("Key", p.Key.ARN)
	f.Add("Aliases", strings.Join(p.Key.Aliases, ", "))
	if c := p.Caller; c != nil {
		f.Add("Caller", c.ARN)
		f.Add("Credentials", c.Source)
		f.Add("Wrapper", c.Wrapper)
	}
	for _, o := range p.EndpointOverrides {
		f.Add("Endpoint", o.Service+" at "+o.URL+" ("+o.Source+")")
	}
	e.do(f.Print)
	e.line("")
	e.checks(c, p.Checks)
	if d := p.Drift; d.Snippet != "" {
		e.line("")
		e.line(c.Strong(e.wrap(manager(p), "")))
		if !mentioned(p, func(c v1alpha1.Check) string { return c.Message }, d.Consequence) {
			e.line(e.wrap("Consequence: "+d.Consequence, ""))
		}
		if d.Remedy != "" && !mentioned(p, func(c v1alpha1.Check) string { return c.Remedy }, d.Remedy) {
			e.line(e.wrap("Remedy: "+d.Remedy, ""))
		}
		e.line("")
		for line := range strings.Lines(d.Snippet) {
			e.line("    " + sanitize.Line(strings.TrimRight(line, "\n")))
		}
	}
	if len(p.Steps) > 0 {
		e.line("")
		e.line(c.Strong("Steps"))
		for i, step := range p.Steps {
			e.line(e.wrap(fmt.Sprintf("%d. %s", i+1, step), "   ")[3:])
		}
	}
	return e.err
}

// checks writes each check with its message and, unless it passed, its remedy.
func (t *textWriter) checks(c Colour, checks []v1alpha1.Check) {
	for _, check := range checks {
		result := fmt.Sprintf("%-8s", sanitize.Line(string(check.Result)))
		t.line(checkPaint(c, check.Result)(result) + sanitize.Line(check.Name))
		t.line(t.wrap(check.Message, "        "))
		if check.Remedy != "" && check.Result != v1alpha1.ResultPass {
			t.line(t.wrap("-> "+check.Remedy, "        "))
			t.statements(check.Statements)
		}
	}
}

// statements writes statements of a policy as JSON, to be pasted into its list.
func (t *textWriter) statements(statements []v1alpha1.PolicyStatement) {
	for i, s := range statements {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("        ", "  ")
		if err := e.Encode(s); err != nil {
			panic(fmt.Sprintf("encode a statement: %v", err)) // strings always encode
		}
		text := strings.TrimSpace(b.String())
		if i < len(statements)-1 {
			text += ","
		}
		for line := range strings.Lines("        " + text) {
			t.line(sanitize.Line(strings.TrimRight(line, "\n")))
		}
	}
}

// manager returns the heading of the snippet: the tool and the evidence for it.
func manager(p *v1alpha1.AssociationPlan) string {
	if p.Drift.Tool == v1alpha1.ToolUnknown {
		return "Managed by: unknown; if it is Terraform, its configuration must contain"
	}
	evidence := string(p.Drift.Confidence)
	if m := p.Cluster.ManagedBy; m != nil && m.Evidence != "" {
		evidence += ", by " + m.Evidence
	}
	return fmt.Sprintf("Managed by: %s (%s)", p.Drift.Tool, evidence)
}

// mentioned reports whether a field of any check contains the text.
func mentioned(p *v1alpha1.AssociationPlan, field func(v1alpha1.Check) string, text string) bool {
	return slices.ContainsFunc(p.Checks, func(c v1alpha1.Check) bool { return strings.Contains(field(c), text) })
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
