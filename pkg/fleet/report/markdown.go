package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
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
	for _, f := range v.ScopeFacts() {
		m.line("- " + mdText(f.Name) + ": " + mdText(f.Value))
	}
	m.totals(v)
	m.findings("Findings", v.listed(stateFinding))
	m.findings("Undecided", v.listed(stateUndecided))
	m.matrix(v)
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
	t := newTable("Verdict", "Meaning", "Clusters")
	for _, total := range v.ByVerdict() {
		t.row(mdText(string(total.Verdict)), mdText(verdictText(total.Verdict)), strconv.Itoa(total.N))
	}
	m.table("Totals", t)
}

func (m *markdown) findings(title string, rows []row) {
	t := newTable("Severity", "Cluster", "Account", "Region", "Control", "Why", "What to do")
	for _, r := range rows {
		t.row(mdText(string(r.Severity)), mdCode(r.Cluster.Name), mdCode(r.Cluster.Account), mdCode(r.Cluster.Region),
			mdText(r.Control.ID+" "+r.Control.Name), mdText(r.Reason), mdText(advice(r)))
	}
	m.table(title, t)
}

func (m *markdown) matrix(v *reportRows) {
	t := newTable(append([]string{"Cluster", "Account", "Region", "Kubernetes", "Verdict"}, v.ControlIDs...)...)
	for _, c := range v.Clusters {
		cells := []string{mdCode(c.Name), mdCode(c.Account), mdCode(c.Region),
			mdCode(c.Item.Cluster.KubernetesVersion), mdText(string(c.Item.Encryption.Verdict))}
		for _, id := range v.ControlIDs {
			cells = append(cells, mdText(c.Row(id).State.Short()))
		}
		t.row(cells...)
	}
	m.table("Clusters by control", t)
	if v.HasUnenforced() {
		m.para(unenforcedHint)
	}
}

func (m *markdown) keys(v *reportRows) {
	t := newTable("Key", "Aliases", "State", "Usable", "Deletion", "Rotation", "Clusters")
	for _, k := range v.Keys {
		t.row(mdCode(k.ARN), mdCodes(k.Aliases), mdText(k.State), mdText(withReason(string(k.Usable), k.Reason)),
			mdText(daysLeft(k)), mdText(encryption.RotationText(k.Rotation)),
			strconv.Itoa(len(k.Clusters))+": "+mdCodes(v.ClusterNames(k.Clusters)))
	}
	m.table("Keys by blast radius", t)
}

func (m *markdown) unreachable(v *reportRows) {
	t := newTable("Location", "Why")
	for _, u := range v.Unreachable {
		t.row(mdText(location(u)), mdText(u.Reason))
	}
	m.table("Unreachable", t)
}

func (m *markdown) waived(v *reportRows) {
	t := newTable("Cluster", "Control", "Owner", "Until", "Why")
	for _, w := range v.Waived {
		t.row(mdCode(v.ClusterName(w.Cluster)), mdText(w.Control), mdText(w.Owner), mdText(day(w.Expires)),
			mdText(w.Reason))
	}
	m.table("Waived", t)
}

func (m *markdown) otherTools(v *reportRows) {
	t := newTable("State", "Clusters", "Tool", "Check", "Result", "Correct", "Why")
	for _, o := range v.OtherTools {
		for _, s := range o.Says {
			correct := "no"
			if s.Agrees {
				correct = "yes"
			}
			t.row(mdText(o.State), strconv.Itoa(len(o.Clusters)), mdText(s.Tool), mdText(s.Check), mdText(s.Says),
				correct, mdText(s.Why))
		}
	}
	m.table("Why other tools differ", t)
}

func (m *markdown) changes(v *reportRows) {
	if v.Changes == nil {
		return
	}
	t := newTable("Change", "Cluster", "What", "Before", "Now", "Why")
	for _, c := range v.ChangeRows() {
		t.row(mdText(c.Kind), mdCode(v.ClusterName(c.Cluster)), mdText(c.What), mdText(c.Was), mdText(c.Is),
			mdText(c.Reason))
	}
	m.table(v.ChangesTitle(), t)
	m.list("Notes on the changes", v.Changes.Notes)
}

func (m *markdown) coverage(v *reportRows) {
	t := newTable("Cluster", "Verdict", "Method", "Objects", "Proven current", "Statement")
	for _, c := range v.CoverageRows() {
		t.row(mdCode(c.Where.Name), mdText(string(c.Verdict)), mdText(string(c.Method)),
			strconv.FormatInt(c.Total, 10), strconv.FormatInt(c.Current, 10), mdText(c.Statement))
	}
	m.table("Coverage of existing data", t)
}

// mdTable holds the lines of a table: the header, the separator and the rows.
type mdTable []string

func newTable(header ...string) *mdTable {
	t := &mdTable{}
	for i := range header {
		header[i] = mdText(header[i])
	}
	t.row(header...)
	*t = append(*t, "|"+strings.Repeat(" --- |", len(header)))
	return t
}

// row adds a row of escaped cells.
func (t *mdTable) row(cells ...string) { *t = append(*t, "| "+strings.Join(cells, " | ")+" |") }

// table writes a table unless it is empty.
func (m *markdown) table(title string, t *mdTable) {
	if len(*t) > 2 {
		m.line("\n## " + mdText(title) + "\n\n" + strings.Join(*t, "\n"))
	}
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

// mdText escapes prose, so that it contains no HTML, link, emphasis, table cell or mention of a user. A code span
// breaks up what a renderer would turn into a link or a mention by itself.
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
			b.WriteByte('\\') // "1." at the start would be a list
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// digits reports whether s consists of ASCII digits only.
func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// mdCode puts an identifier into a code span. Only two characters have a meaning there: the bar ends a table cell, and
// the backtick ends the span.
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" {
		return " "
	}
	s = strings.ReplaceAll(s, "`", "'")
	// In a table cell a bar needs a backslash, also within a code span. A backslash of the value must not precede it.
	s = strings.ReplaceAll(s, `\|`, `\ |`)
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

func mdCodes(values []string) string {
	codes := make([]string, len(values))
	for i := range values {
		codes[i] = mdCode(values[i])
	}
	return strings.Join(codes, ", ")
}
