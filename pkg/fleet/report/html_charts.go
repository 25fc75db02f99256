package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// part is one piece of a bar.
type part struct {
	n           int
	name, class string
}

// bar draws the parts side by side, each as wide as its share. The text says the
// same to those who don't see it; colours are classes of the style sheet.
func bar(label string, parts []part, total int) node {
	const width, gap = 1000.0, 4.0
	var pieces []node
	var words []string
	x := 0.0
	for _, p := range parts {
		if p.n == 0 {
			continue
		}
		wide := width * float64(p.n) / float64(max(total, 1))
		pieces = append(pieces, el("rect", class("fill-"+p.class), attr("x", decimal(x)), attr("y", "0"),
			attr("width", decimal(max(wide-gap, 1))), attr("height", "100")))
		words = append(words, fmt.Sprintf("%d %s", p.n, p.name))
		x += wide
	}
	if len(words) == 0 {
		words = []string{"none"}
	}
	return el("svg", class("bar"), attr("viewBox", "0 0 1000 100"), attr("preserveAspectRatio", "none"), attr("role", "img"),
		attr("aria-label", label+": "+strings.Join(words, ", ")), attr("focusable", "false"), group(pieces...))
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// totals are the two charts: clusters by verdict, and clusters by control.
func (v *view) totals() node {
	return el("div", class("charts"), v.verdictChart(), v.controlChart())
}

func (v *view) verdictChart() node {
	totals := v.byVerdict()
	var parts []part
	for _, t := range totals {
		parts = append(parts, part{t.n, string(t.verdict), verdictClass(t.verdict)})
	}
	return el("div", class("card"),
		el("h3", text("Verdicts")),
		bar("Clusters by verdict", parts, len(v.clusters)),
		el("table", class("legend"),
			el("caption", class("sr"), text("Clusters by verdict")),
			el("thead", class("sr"), el("tr", th("Verdict"), th("Clusters"))),
			el("tbody", each(totals, func(t verdictTotal) node {
				return el("tr", when(t.n == 0, class("zero")),
					el("th", attr("scope", "row"), swatch(verdictClass(t.verdict)), el("span", class("what"), text(verdictWords(t.verdict)), el("code", text(string(t.verdict))))),
					el("td", class("num"), text(strconv.Itoa(t.n))))
			}))))
}

// controlParts are the states of the chart of controls, in order.
func controlParts() []part {
	return []part{{0, "pass", "good"}, {0, "fail", "bad"}, {0, "unknown", "doubt"}, {0, "waived", "waived"}, {0, "does not apply", "quiet"}}
}

func (v *view) controlChart() node {
	index := map[state]int{statePass: 0, stateFinding: 1, stateInfo: 1, stateUndecided: 2, stateNotAnswered: 2, stateWaived: 3, stateNotApplicable: 4}
	line := func(id string) node {
		parts, name := controlParts(), ""
		for i := range v.clusters {
			if r := v.clusters[i].cell(id); r.state != "" {
				parts[index[r.state]].n++
				name = r.control.Name
			}
		}
		cells := []node{el("th", attr("scope", "row"), el("span", class("what"), el("b", text(id)), text(" "+name)), bar(id+" "+name, parts, len(v.clusters)))}
		for _, p := range parts {
			names := "num"
			if p.n == 0 {
				names = "num zero"
			}
			cells = append(cells, el("td", class(names), text(strconv.Itoa(p.n))))
		}
		return el("tr", group(cells...))
	}
	heads := []node{th("Control")}
	for _, p := range controlParts() {
		heads = append(heads, el("th", attr("scope", "col"), class("num"), swatch(p.class), text(p.name)))
	}
	return el("div", class("card"), el("h3", text("Controls")),
		scroll("Clusters by control and result", el("table", class("legend controls"), el("caption", class("sr"), text("Clusters by control and result")),
			el("thead", el("tr", group(heads...))), el("tbody", each(v.controls, line)))))
}

func swatch(shade string) node {
	return el("svg", class("swatch"), attr("viewBox", "0 0 10 10"), attr("aria-hidden", "true"), attr("focusable", "false"),
		el("rect", class("fill-"+shade), attr("width", "10"), attr("height", "10"), attr("rx", "2")))
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
