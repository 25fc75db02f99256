package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// markdown writes the report for a pull request, an issue or a wiki.
type markdown struct {
	w   io.Writer
	err error
}

func writeMarkdown(w io.Writer, v *view) error {
	m := &markdown{w: w}
	m.line("# EKS encryption audit: " + mdText(v.headline()))
	m.para(v.detail())
	for _, l := range v.scopeLines() {
		m.line("- " + mdText(l[0]) + ": " + mdText(l[1]))
	}
	m.totals(v)
	m.findings("Findings", v.worstFirst(stateFinding))
	m.findings("Undecided", v.worstFirst(stateUndecided))
	m.matrix(v)
	m.legend(v)
	m.keys(v)
	m.unreachable(v)
	m.waived(v)
	m.otherTools(v)
	m.changes(v)
	m.coverage(v)
	m.list("Notes", v.Notes)
	return m.err
}

func (m *markdown) totals(v *view) {
	m.table("Totals", []string{"Verdict", "Meaning", "Clusters"}, func(row func(...string)) {
		for _, t := range v.byVerdict() {
			row(mdText(string(t.verdict)), mdText(verdictWords(t.verdict)), strconv.Itoa(t.n))
		}
	})
}

func (m *markdown) findings(title string, rows []row) {
	m.table(title, []string{"Severity", "Cluster", "Account", "Region", "Control", "Why", "What to do"}, func(add func(...string)) {
		for _, r := range rows {
			add(mdText(string(r.severity)), mdCode(r.cluster.name), mdCode(r.cluster.account), mdCode(r.cluster.region),
				mdText(r.control.ID+" "+r.control.Name), mdText(r.reason), mdText(advice(r)))
		}
	})
}

func (m *markdown) matrix(v *view) {
	m.table("Clusters by control", append([]string{"Cluster", "Account", "Region", "Kubernetes", "Verdict"}, v.controls...), func(add func(...string)) {
		for i := range v.clusters {
			c := &v.clusters[i]
			cells := []string{mdCode(c.name), mdCode(c.account), mdCode(c.region), mdCode(c.item.Cluster.KubernetesVersion), mdText(string(c.item.Encryption.Verdict))}
			for _, id := range v.controls {
				cells = append(cells, mdText(c.cell(id).state.word()))
			}
			add(cells...)
		}
	})
}

// legend explains the star, where one is in the matrix.
func (m *markdown) legend(v *view) {
	if len(v.rows(stateInfo, stateNotAnswered)) > 0 {
		m.para("* The audit was not asked to decide by this control.")
	}
}

func (m *markdown) keys(v *view) {
	m.table("Keys by blast radius", []string{"Key", "Aliases", "State", "Usable", "Deletion", "Rotation", "Clusters"}, func(add func(...string)) {
		for _, k := range byRadius(v.Keys) {
			add(mdCode(k.ARN), mdCodes(k.Aliases), mdText(k.State), mdText(reasoned(string(k.Usable), k.Reason)), mdText(daysLeftWords(k)),
				mdText(output.Rotation(k.Rotation)), strconv.Itoa(len(k.Clusters))+": "+mdCodes(v.names(k.Clusters)))
		}
	})
}

func (m *markdown) unreachable(v *view) {
	m.table("Could not be asked", []string{"Place", "Why"}, func(add func(...string)) {
		for _, u := range v.Unreachable {
			add(mdText(placeWords(u)), mdText(u.Reason))
		}
	})
}

func (m *markdown) waived(v *view) {
	m.table("Waived", []string{"Cluster", "Control", "Owner", "Until", "Why"}, func(add func(...string)) {
		for _, w := range v.Waived {
			add(mdCode(v.name(w.Cluster)), mdText(w.Control), mdText(w.Owner), mdText(day(w.Expires)), mdText(w.Reason))
		}
	})
}

func (m *markdown) otherTools(v *view) {
	m.table("Why other tools differ", []string{"State", "Clusters", "Tool", "Check", "Says", "True", "Why"}, func(add func(...string)) {
		for _, o := range v.OtherTools {
			for _, s := range o.Says {
				add(mdText(o.State), strconv.Itoa(len(o.Clusters)), mdText(s.Tool), mdText(s.Check), mdText(s.Says), yesNo(s.Agrees), mdText(s.Why))
			}
		}
	})
}

func (m *markdown) changes(v *view) {
	if v.Changes == nil {
		return
	}
	title := "Changes"
	if v.Changes.Since != nil {
		title += " since " + moment(v.Changes.Since)
	}
	m.table(title, []string{"Change", "Cluster", "What", "Was", "Is", "Why"}, func(add func(...string)) {
		for _, c := range v.changeRows() {
			add(mdText(c.kind), mdCode(v.name(c.Cluster)), mdText(c.What), mdText(c.Was), mdText(c.Is), mdText(c.Reason))
		}
	})
	m.list("Notes on the changes", v.Changes.Notes)
}

func (m *markdown) coverage(v *view) {
	m.table("Coverage of existing data", []string{"Cluster", "Verdict", "Method", "Objects", "Proven current", "Statement"}, func(add func(...string)) {
		for _, c := range v.Coverage {
			total, current := proven(c)
			add(mdCode(coverageName(c)), mdText(string(c.Verdict)), mdText(string(c.Method)), strconv.FormatInt(total, 10),
				strconv.FormatInt(current, 10), mdText(c.Statement))
		}
	})
}

func (m *markdown) table(title string, header []string, fill func(add func(...string))) {
	begun := false
	fill(func(cells ...string) {
		if !begun {
			begun = true
			m.line("\n## " + mdText(title) + "\n")
			for i := range header {
				header[i] = mdText(header[i])
			}
			m.line("| " + strings.Join(header, " | ") + " |")
			m.line("|" + strings.Repeat(" --- |", len(header)))
		}
		m.line("| " + strings.Join(cells, " | ") + " |")
	})
}

func (m *markdown) list(title string, lines []string) {
	for i, line := range lines {
		if i == 0 {
			m.line("\n## " + mdText(title) + "\n")
		}
		m.line("- " + mdText(line))
	}
}

func (m *markdown) para(text string) {
	if text != "" {
		m.line("\n" + mdText(text))
	}
	m.line("")
}

func (m *markdown) line(s string) {
	if m.err == nil {
		_, m.err = fmt.Fprintln(m.w, s)
	}
}
