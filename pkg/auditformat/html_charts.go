package auditformat

import (
	"fmt"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// part is one piece of a bar.
type part struct {
	n           int
	name, class string
}

// bar draws the parts side by side, each as wide as its share. The text says the
// same to those who don't see it; colours are classes of the style sheet.
func bar(label string, parts []part, total int) g.Node {
	const width, gap = 1000.0, 4.0
	var pieces []g.Node
	var words []string
	x := 0.0
	for _, p := range parts {
		if p.n == 0 {
			continue
		}
		wide := width * float64(p.n) / float64(max(total, 1))
		pieces = append(pieces, g.El("rect", h.Class("fill-"+p.class), g.Attr("x", decimal(x)), g.Attr("y", "0"),
			g.Attr("width", decimal(max(wide-gap, 1))), g.Attr("height", "100")))
		words = append(words, fmt.Sprintf("%d %s", p.n, p.name))
		x += wide
	}
	if len(words) == 0 {
		words = []string{"none"}
	}
	return g.El("svg", h.Class("bar"), g.Attr("viewBox", "0 0 1000 100"), g.Attr("preserveAspectRatio", "none"), g.Attr("role", "img"),
		g.Attr("aria-label", label+": "+strings.Join(words, ", ")), g.Attr("focusable", "false"), g.Group(pieces))
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// totals are the two charts: clusters by verdict, and clusters by control.
func (v *view) totals() g.Node {
	return h.Div(h.Class("charts"), v.verdictChart(), v.controlChart())
}

func (v *view) verdictChart() g.Node {
	totals := v.byVerdict()
	var parts []part
	for _, t := range totals {
		parts = append(parts, part{t.n, string(t.verdict), verdictClass(t.verdict)})
	}
	return h.Div(h.Class("card"),
		h.H3(g.Text("Verdicts")),
		bar("Clusters by verdict", parts, len(v.clusters)),
		h.Table(h.Class("legend"),
			h.Caption(h.Class("sr"), g.Text("Clusters by verdict")),
			h.THead(h.Class("sr"), h.Tr(th("Verdict"), th("Clusters"))),
			h.TBody(g.Map(totals, func(t verdictTotal) g.Node {
				return h.Tr(g.If(t.n == 0, h.Class("zero")),
					h.Th(g.Attr("scope", "row"), swatch(verdictClass(t.verdict)), h.Span(h.Class("what"), g.Text(verdictWords(t.verdict)), h.Code(g.Text(string(t.verdict))))),
					h.Td(h.Class("num"), g.Text(strconv.Itoa(t.n))))
			}))))
}

// controlParts are the states of the chart of controls, in order.
func controlParts() []part {
	return []part{{0, "pass", "good"}, {0, "fail", "bad"}, {0, "unknown", "doubt"}, {0, "waived", "waived"}, {0, "does not apply", "quiet"}}
}

func (v *view) controlChart() g.Node {
	index := map[state]int{statePass: 0, stateFinding: 1, stateInfo: 1, stateUndecided: 2, stateNotAnswered: 2, stateWaived: 3, stateNotApplicable: 4}
	line := func(id string) g.Node {
		parts, name := controlParts(), ""
		for i := range v.clusters {
			if r := v.clusters[i].cell(id); r.state != "" {
				parts[index[r.state]].n++
				name = r.control.Name
			}
		}
		cells := []g.Node{h.Th(g.Attr("scope", "row"), h.Span(h.Class("what"), h.B(g.Text(id)), g.Text(" "+name)), bar(id+" "+name, parts, len(v.clusters)))}
		for _, p := range parts {
			class := "num"
			if p.n == 0 {
				class = "num zero"
			}
			cells = append(cells, h.Td(h.Class(class), g.Text(strconv.Itoa(p.n))))
		}
		return h.Tr(g.Group(cells))
	}
	heads := []g.Node{th("Control")}
	for _, p := range controlParts() {
		heads = append(heads, h.Th(g.Attr("scope", "col"), h.Class("num"), swatch(p.class), g.Text(p.name)))
	}
	return h.Div(h.Class("card"), h.H3(g.Text("Controls")),
		scroll("Clusters by control and result", h.Table(h.Class("legend controls"), h.Caption(h.Class("sr"), g.Text("Clusters by control and result")),
			h.THead(h.Tr(g.Group(heads))), h.TBody(g.Map(v.controls, line)))))
}

func swatch(class string) g.Node {
	return g.El("svg", h.Class("swatch"), g.Attr("viewBox", "0 0 10 10"), g.Attr("aria-hidden", "true"), g.Attr("focusable", "false"),
		g.El("rect", h.Class("fill-"+class), g.Attr("width", "10"), g.Attr("height", "10"), g.Attr("rx", "2")))
}

func verdictClass(v v1alpha1.Verdict) string {
	switch v {
	case v1alpha1.VerdictCustomerManagedKey:
		return "good"
	case v1alpha1.VerdictAWSOwnedKey:
		return "owned"
	case v1alpha1.VerdictNotEncrypted:
		return "bad"
	case v1alpha1.VerdictNotApplicable:
		return "quiet"
	}
	return "doubt"
}

func outcomeClass(o v1alpha1.AuditOutcome) string {
	switch o {
	case v1alpha1.OutcomeHolds:
		return "good"
	case v1alpha1.OutcomeFinding:
		return "bad"
	}
	return "doubt"
}

func outcomeWord(o v1alpha1.AuditOutcome) string {
	switch o {
	case v1alpha1.OutcomeHolds:
		return "Holds"
	case v1alpha1.OutcomeFinding:
		return "Finding"
	}
	return "Cannot tell"
}
