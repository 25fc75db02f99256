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

func writeMarkdown(w io.Writer, v *reportRows) error {
	m := &markdown{w: w}
	m.line("# EKS encryption audit: " + mdText(v.Headline()))
	m.para(v.Detail())
	for _, l := range v.ScopeFacts() {
		m.line("- " + mdText(l.Name) + ": " + mdText(l.Value))
	}
	m.totals(v)
	m.findings("Findings", v.listed(stateFinding))
	m.findings("Undecided", v.listed(stateUndecided))
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

func (m *markdown) totals(v *reportRows) {
	m.table("Totals", []string{"Verdict", "Meaning", "Clusters"}, func(row func(...string)) {
		for _, t := range v.ByVerdict() {
			row(mdText(string(t.Verdict)), mdText(verdictText(t.Verdict)), strconv.Itoa(t.N))
		}
	})
}

func (m *markdown) findings(title string, rows []row) {
	m.table(title, []string{"Severity", "Cluster", "Account", "Region", "Control", "Why", "What to do"}, func(add func(...string)) {
		for _, r := range rows {
			add(mdText(string(r.Severity)), mdCode(r.Cluster.Name), mdCode(r.Cluster.Account), mdCode(r.Cluster.Region),
				mdText(r.Control.ID+" "+r.Control.Name), mdText(r.Reason), mdText(advice(r)))
		}
	})
}

func (m *markdown) matrix(v *reportRows) {
	m.table("Clusters by control", append([]string{"Cluster", "Account", "Region", "Kubernetes", "Verdict"}, v.ControlIDs...), func(add func(...string)) {
		for _, c := range v.Clusters {
			cells := []string{mdCode(c.Name), mdCode(c.Account), mdCode(c.Region), mdCode(c.Item.Cluster.KubernetesVersion), mdText(string(c.Item.Encryption.Verdict))}
			for _, id := range v.ControlIDs {
				cells = append(cells, mdText(c.Row(id).State.Short()))
			}
			add(cells...)
		}
	})
}

// legend explains the star, where one is in the matrix.
func (m *markdown) legend(v *reportRows) {
	if len(v.rows(stateInfo, stateNotAnswered)) > 0 {
		m.para("* The audit was not asked to decide by this control.")
	}
}

func (m *markdown) keys(v *reportRows) {
	m.table("Keys by blast radius", []string{"Key", "Aliases", "State", "Usable", "Deletion", "Rotation", "Clusters"}, func(add func(...string)) {
		for _, k := range v.Keys {
			add(mdCode(k.ARN), mdCodes(k.Aliases), mdText(k.State), mdText(withReason(string(k.Usable), k.Reason)), mdText(daysLeft(k)),
				mdText(output.Rotation(k.Rotation)), strconv.Itoa(len(k.Clusters))+": "+mdCodes(v.ClusterNames(k.Clusters)))
		}
	})
}

func (m *markdown) unreachable(v *reportRows) {
	m.table("Could not be asked", []string{"Place", "Why"}, func(add func(...string)) {
		for _, u := range v.Unreachable {
			add(mdText(location(u)), mdText(u.Reason))
		}
	})
}

func (m *markdown) waived(v *reportRows) {
	m.table("Waived", []string{"Cluster", "Control", "Owner", "Until", "Why"}, func(add func(...string)) {
		for _, w := range v.Waived {
			add(mdCode(v.ClusterName(w.Cluster)), mdText(w.Control), mdText(w.Owner), mdText(day(w.Expires)), mdText(w.Reason))
		}
	})
}

func (m *markdown) otherTools(v *reportRows) {
	m.table("Why other tools differ", []string{"State", "Clusters", "Tool", "Check", "Says", "True", "Why"}, func(add func(...string)) {
		for _, o := range v.OtherTools {
			for _, s := range o.Says {
				add(mdText(o.State), strconv.Itoa(len(o.Clusters)), mdText(s.Tool), mdText(s.Check), mdText(s.Says), yesNo(s.Agrees), mdText(s.Why))
			}
		}
	})
}

func (m *markdown) changes(v *reportRows) {
	if v.Changes == nil {
		return
	}
	title := "Changes"
	if v.Changes.Since != nil {
		title += " since " + moment(v.Changes.Since)
	}
	m.table(title, []string{"Change", "Cluster", "What", "Was", "Is", "Why"}, func(add func(...string)) {
		for _, c := range v.ChangeRows() {
			add(mdText(c.Kind), mdCode(v.ClusterName(c.Cluster)), mdText(c.What), mdText(c.Was), mdText(c.Is), mdText(c.Reason))
		}
	})
	m.list("Notes on the changes", v.Changes.Notes)
}

func (m *markdown) coverage(v *reportRows) {
	m.table("Coverage of existing data", []string{"Cluster", "Verdict", "Method", "Objects", "Proven current", "Statement"}, func(add func(...string)) {
		for _, c := range v.CoverageRows() {
			add(mdCode(c.Where.Name), mdText(string(c.Verdict)), mdText(string(c.Method)), strconv.FormatInt(c.Total, 10),
				strconv.FormatInt(c.Current, 10), mdText(c.Statement))
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

// mdText escapes prose: no HTML, no links, no emphasis, no table cells, no
// mention of a user. What a renderer would turn into a link or a mention on its
// own is broken up by a code span.
func mdText(s string) string {
	if s == "" {
		return " "
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "://"):
			b.WriteString("`://`")
			i += 2
		case len(rest) >= 4 && strings.EqualFold(rest[:4], "www."):
			b.WriteString(rest[:3] + "`.`")
			i += 3
		case s[i] == '@':
			b.WriteString("`@`")
		case strings.IndexByte("\\`*_{}[]<>#+!|~&$", s[i]) >= 0, i == 0 && (s[i] == '-' || s[i] == '='):
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case i > 0 && (s[i] == '.' || s[i] == ')') && digits(s[:i]):
			b.WriteByte('\\') // "1." at the beginning would be a list
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// mdCode puts an identifier into a code span: nothing in it means anything but
// the bar, which ends a cell, and the backtick, which would end the span.
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" {
		return " "
	}
	s = strings.ReplaceAll(s, "`", "'")
	// A bar is escaped in a cell even within a code span; a backslash of its own in
	// front of it would be taken for that escape.
	s = strings.ReplaceAll(s, `\|`, `\ |`)
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func mdCodes(list []string) string {
	codes := make([]string, len(list))
	for i := range list {
		codes[i] = mdCode(list[i])
	}
	return strings.Join(codes, ", ")
}
