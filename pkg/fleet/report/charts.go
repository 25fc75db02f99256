package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// part is one piece of a bar chart: N items in the colour that the style sheet gives to Class.
type part struct {
	N           int
	Name, Class string
}

// barPart is a piece of a drawn bar, in units of the bar's viewBox.
type barPart struct{ Class, X, Width string }

// bar is a drawn bar. Label states its numbers for screen readers.
type bar struct {
	Label string
	Parts []barPart
}

// newBar draws the parts side by side on a bar that is total wide.
func newBar(label string, total int, parts ...part) bar {
	const width, gap = 1000.0, 4.0
	var b bar
	var words []string
	x := 0.0
	for _, p := range parts {
		if p.N == 0 {
			continue
		}
		wide := width * float64(p.N) / float64(max(total, 1))
		b.Parts = append(b.Parts, barPart{p.Class, decimal(x), decimal(max(wide-gap, 1))})
		words = append(words, fmt.Sprintf("%d %s", p.N, p.Name))
		x += wide
	}
	if len(words) == 0 {
		words = []string{"none"}
	}
	b.Label = label + ": " + strings.Join(words, ", ")
	return b
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// VerdictBar returns the chart of clusters by verdict.
func (v *reportRows) VerdictBar() bar {
	var parts []part
	for _, t := range v.ByVerdict() {
		parts = append(parts, part{t.N, string(t.Verdict), class(t.Verdict)})
	}
	return newBar("Clusters by verdict", len(v.Clusters), parts...)
}

// keyBar returns the chart of the clusters that use a key, relative to the most used key.
func keyBar(k v1alpha1.AuditKey, most int) bar {
	return newBar("Clusters that use this key", most,
		part{len(k.Clusters), fmt.Sprintf("of at most %d", most), class(k.Usable)})
}

// controlParts are the results in the chart of controls, in order.
func controlParts() []part {
	return []part{{0, "pass", "good"}, {0, "fail", "bad"}, {0, "fail, not enforced", "info"}, {0, "unknown", "doubt"},
		{0, "waived", "waived"}, {0, "does not apply", "quiet"}}
}

// controlLine is one line of the chart of controls.
type controlLine struct {
	ID, Name string
	Bar      bar
	Parts    []part
}

// ControlLines returns the chart of clusters by control and result.
func (v *reportRows) ControlLines() []controlLine {
	index := map[rowState]int{statePass: 0, stateFinding: 1, stateInfo: 2, stateUndecided: 3, stateNotAnswered: 3,
		stateWaived: 4, stateNotApplicable: 5}
	var lines []controlLine
	for _, id := range v.ShownControls {
		line := controlLine{ID: id, Parts: controlParts()}
		for _, c := range v.Clusters {
			if r := c.Row(id); r.State != "" {
				line.Parts[index[r.State]].N++
				line.Name = r.Control.Name
			}
		}
		line.Bar = newBar(id+" "+line.Name, len(v.Clusters), line.Parts...)
		lines = append(lines, line)
	}
	return lines
}

// class returns the CSS class of a state, verdict or outcome. Other values are in doubt.
func class(value any) string {
	switch value {
	case statePass, v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes, v1alpha1.CoverageProven,
		v1alpha1.OutcomeHolds:
		return "good"
	case stateFinding, v1alpha1.VerdictNotEncrypted, v1alpha1.UsableNo, v1alpha1.CoverageStale,
		v1alpha1.CoverageContradicted, v1alpha1.OutcomeFinding:
		return "bad"
	case stateWaived:
		return "waived"
	case stateInfo:
		return "info"
	case v1alpha1.VerdictAWSOwnedKey:
		return "owned"
	case stateNotApplicable, stateNotAnswered, rowState(""), v1alpha1.VerdictNotApplicable:
		return "quiet"
	}
	return "doubt"
}

// Class returns the CSS class of a state.
func (s rowState) Class() string { return class(s) }

// OutcomeClass returns the CSS class of the outcome.
func (v *reportRows) OutcomeClass() string { return class(v.outcome()) }
