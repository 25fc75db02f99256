package auditformat

import (
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// column is a column of a list: on a narrow screen a row becomes a card, and the
// column's name stands before the value.
func td(label string, children ...g.Node) g.Node {
	return h.Td(h.Data("label", label), h.Div(h.Class("value"), g.Group(children)))
}

// tdText is a cell of text; an empty one is left out of a card.
func tdText(label, text string) g.Node {
	if text == "" {
		return h.Td(h.Data("label", label), h.Class("void"), g.Text("–"))
	}
	return td(label, g.Text(text))
}

func th(name string) g.Node { return h.Th(g.Attr("scope", "col"), g.Text(name)) }

// listTable is a table whose rows the filters can hide.
func listTable(caption string, heads []string, rows []g.Node) g.Node {
	return h.Table(h.Class("list"), h.Caption(g.Text(caption)),
		h.THead(h.Tr(g.Map(heads, th))), h.TBody(g.Group(rows)))
}

// item is a row with what the filters go by.
func item(c *cluster, control string, severity v1alpha1.Severity, cells ...g.Node) g.Node {
	attrs := g.Group{h.Data("row", "")}
	for _, a := range [][2]string{{"account", c.account}, {"region", c.region}, {"control", control}, {"severity", string(severity)}} {
		if a[1] != "" {
			attrs = append(attrs, h.Data(a[0], a[1]))
		}
	}
	return h.Tr(attrs, g.Group(cells))
}

func scroll(label string, table g.Node) g.Node {
	return h.Div(h.Class("scroll"), h.TabIndex("0"), g.Attr("role", "region"), g.Attr("aria-label", label), table)
}

func none(text string) g.Node { return h.P(h.Class("none"), g.Text(text)) }

func clusterCell(c *cluster) g.Node {
	name := h.B(h.Class("name"), g.Text(c.name))
	if c.account == "" && c.region == "" {
		return name
	}
	return g.Group{name, h.Span(h.Class("sub"), h.Span(h.Class("whole"), g.Text(orDash(c.account))), g.Text(" · "), h.Span(h.Class("whole"), g.Text(orDash(c.region))))}
}

func findingsTable(rows []row, caption, otherwise string) g.Node {
	if len(rows) == 0 {
		return none(otherwise)
	}
	var lines []g.Node
	for _, r := range rows {
		word := string(r.severity)
		if word == "" {
			word = "Not rated"
		}
		lines = append(lines, item(r.cluster, r.control.ID, r.severity,
			td("Severity", h.Span(h.Class("tag sev-"+word), g.Text(word))),
			td("Cluster", clusterCell(r.cluster)),
			td("Control", h.B(g.Text(r.control.ID)), h.Span(h.Class("sub"), g.Text(r.control.Name))),
			td("Why", g.Text(r.reason), g.If(r.waiver != nil, h.Span(h.Class("sub warn"), g.Iff(r.waiver != nil, func() g.Node { return g.Text(expiredWords(r.waiver)) })))),
			tdText("What to do", r.remedy),
		))
	}
	return listTable(caption, []string{"Severity", "Cluster", "Control", "Why", "What to do"}, lines)
}

func (v *view) unreachableTable() g.Node {
	var lines []g.Node
	for _, u := range v.Unreachable {
		lines = append(lines, item(&cluster{account: u.Account, region: u.Region}, "", "", td("Place", h.B(g.Text(placeWords(u)))), td("Why", g.Text(u.Reason))))
	}
	return listTable("Places that could not be asked: what is there is not in this report", []string{"Place", "Why"}, lines)
}

// matrix has a row a cluster and a column a control, and below it the details.
func (v *view) matrix() g.Node {
	if len(v.clusters) == 0 {
		return none("No cluster was found.")
	}
	heads := []g.Node{th("Cluster"), th("Kubernetes"), th("Verdict")}
	for _, id := range v.controls {
		heads = append(heads, th(id))
	}
	var lines, details []g.Node
	for i := range v.clusters {
		c := &v.clusters[i]
		cells := []g.Node{h.Th(g.Attr("scope", "row"), clusterCell(c)), h.Td(g.Text(orDash(c.item.Cluster.KubernetesVersion))),
			h.Td(h.Span(h.Class("verdict"), swatch(verdictClass(c.item.Encryption.Verdict)), g.Text(orDash(string(c.item.Encryption.Verdict)))))}
		for _, id := range v.controls {
			s := c.cell(id).state
			cells = append(cells, h.Td(h.Class("cell "+stateClass(s)), h.Span(g.Text(orDash(s.word())))))
		}
		lines = append(lines, item(c, "", "", cells...))
		details = append(details, v.clusterDetails(c))
	}
	return g.Group{
		scroll("Clusters by control", h.Table(h.Class("matrix"), h.Caption(h.Class("sr"), g.Text("What became of each control in each cluster")),
			h.THead(h.Tr(g.Group(heads))), h.TBody(g.Group(lines)))),
		g.If(len(v.rows(stateInfo, stateNotAnswered)) > 0, h.P(h.Class("hint"), g.Text("* The audit was not asked to decide by this control."))),
		h.Details(h.Class("all"), h.Summary(h.B(g.Text("Each cluster in detail"))), h.Div(h.Class("inside"), g.Group(details))),
	}
}

func (v *view) clusterDetails(c *cluster) g.Node {
	var facts []g.Node
	fact := func(name, value string) {
		if value != "" {
			facts = append(facts, h.Div(h.Dt(g.Text(name)), h.Dd(g.Text(value))))
		}
	}
	cl, key := &c.item.Cluster, c.item.Key
	fact("Verdict", reasoned(string(c.item.Encryption.Verdict), c.item.Encryption.Reason))
	fact("Scope", string(c.item.Encryption.Scope))
	fact("Key", c.item.Encryption.KeyARN)
	if key != nil {
		fact("Key state", key.State)
		fact("Key usable", reasoned(string(key.Usable), key.Reason))
	}
	fact("ARN", cl.ARN)
	fact("Context", cl.Context)
	fact("Status", cl.Status)
	fact("Platform", cl.PlatformVersion)
	if cl.ManagedBy != nil {
		fact("Managed by", reasoned(string(cl.ManagedBy.Tool), cl.ManagedBy.Evidence))
	}
	for _, issue := range c.item.Health.Issues {
		fact("Health issue", reasoned(issue.Code, issue.Message))
	}
	for _, r := range c.rows {
		fact(r.control.ID+": "+r.state.word(), r.reason)
	}
	for _, note := range c.item.Notes {
		fact("Note", note)
	}
	return h.Details(h.Data("row", ""), h.Data("account", c.account), h.Data("region", c.region),
		h.Summary(clusterCell(c)), h.Dl(h.Class("facts"), g.Group(facts)))
}

func (v *view) keysTable() g.Node {
	most := 1
	for _, k := range v.Keys {
		most = max(most, len(k.Clusters))
	}
	var lines []g.Node
	for _, k := range byRadius(v.Keys) {
		class := map[v1alpha1.Usable]string{v1alpha1.UsableYes: "good", v1alpha1.UsableNo: "bad"}[k.Usable]
		if class == "" {
			class = "doubt"
		}
		names := v.names(k.Clusters)
		lines = append(lines, item(&cluster{account: k.Account, region: k.Region}, "", "",
			td("Key", g.Map(k.Aliases, func(a string) g.Node { return h.B(h.Class("name"), g.Text(a)) }), h.Code(h.Class("arn"), g.Text(k.ARN))),
			td("State", h.Span(h.Class("tag "+class), g.Text(orDash(k.State))), g.If(daysLeftWords(k) != "", h.Strong(h.Class("sub warn"), g.Text(daysLeftWords(k)))), g.If(k.DeletionDate != nil, h.Span(h.Class("sub"), g.Text("deletion "+moment(k.DeletionDate))))),
			td("Usable", g.Text(reasoned(orDash(string(k.Usable)), k.Reason))),
			td("Rotation", g.Text(rotationWords(k.Rotation))),
			td("Clusters", h.Div(h.Class("radius"), h.B(g.Text(strconv.Itoa(len(k.Clusters)))), bar("Clusters on this key", []part{{len(k.Clusters), "of " + strconv.Itoa(most) + " at the most", class}}, most)),
				h.Details(h.Summary(g.Text("which")), list(names))),
		))
	}
	return listTable("Keys that can't be used or will be deleted first, then those on which most clusters hang", []string{"Key", "State", "Usable", "Rotation", "Clusters"}, lines)
}

func (v *view) waivedTable() g.Node {
	var lines []g.Node
	for _, r := range v.rows(stateWaived) {
		w := r.waiver
		lines = append(lines, item(r.cluster, r.control.ID, "", td("Cluster", clusterCell(r.cluster)), td("Control", h.B(g.Text(r.control.ID)), h.Span(h.Class("sub"), g.Text(r.control.Name))),
			tdText("Owner", w.Owner), tdText("Until", day(w.Expires)), tdText("Why", w.Reason)))
	}
	return listTable("Findings that somebody answers for", []string{"Cluster", "Control", "Owner", "Until", "Why"}, lines)
}

func (v *view) otherToolsTable() g.Node {
	var groups []g.Node
	for _, o := range v.OtherTools {
		var lines []g.Node
		for _, s := range o.Says {
			class, word := "bad", "not true"
			if s.Agrees {
				class, word = "good", "true"
			}
			lines = append(lines, h.Tr(td("Tool", h.B(g.Text(s.Tool)), h.Span(h.Class("sub"), g.Text(s.Check))), td("Says", h.Code(g.Text(s.Says))),
				td("True of the cluster", h.Span(h.Class("tag "+class), g.Text(word))), td("Why", g.Text(s.Why))))
		}
		groups = append(groups, h.Div(h.Class("card"), h.H3(g.Text(o.State)),
			h.Details(h.Summary(g.Text(count(len(o.Clusters), "cluster"))), list(v.names(o.Clusters))),
			listTable("What other tools say of this state", []string{"Tool", "Says", "True of the cluster", "Why"}, lines)))
	}
	return g.Group(groups)
}

func (v *view) changesTitle() string {
	if v.Changes == nil || v.Changes.Since == nil {
		return "Changes"
	}
	return "Changes since " + day(v.Changes.Since)
}

// changesCount is -1 where an earlier report was given and nothing has changed:
// that is worth saying.
func (v *view) changesCount() int {
	if v.Changes == nil {
		return 0
	}
	if n := len(v.changeRows()); n > 0 {
		return n
	}
	return -1
}

func (v *view) changesTable() g.Node {
	if v.Changes == nil {
		return nil
	}
	var lines []g.Node
	for _, c := range v.changeRows() {
		class := map[string]string{"Regression": "bad", "Lost from sight": "doubt", "Fixed": "good"}[c.kind]
		lines = append(lines, h.Tr(h.Data("row", ""), td("Change", h.Span(h.Class("tag "+class), g.Text(c.kind))), td("Cluster", h.B(h.Class("name"), g.Text(v.name(c.Cluster)))),
			tdText("What", c.What), tdText("Was", c.Was), tdText("Is", c.Is), tdText("Why", c.Reason)))
	}
	if len(lines) == 0 {
		return g.Group{none("Nothing has changed."), list(v.Changes.Notes)}
	}
	return g.Group{listTable("What is not as it was", []string{"Change", "Cluster", "What", "Was", "Is", "Why"}, lines), list(v.Changes.Notes)}
}

func (v *view) coverageTable() g.Node {
	var lines []g.Node
	for i := range v.Coverage {
		c := v.Coverage[i]
		total, current := proven(c)
		class := map[v1alpha1.CoverageVerdict]string{v1alpha1.CoverageProven: "good", v1alpha1.CoverageStale: "bad"}[c.Verdict]
		if class == "" {
			class = "doubt"
		}
		where := cluster{name: coverageName(c), account: c.Cluster.Account, region: c.Cluster.Region}
		lines = append(lines, item(&where, "ENC-5", "", td("Cluster", clusterCell(&where)), td("Verdict", h.Span(h.Class("tag "+class), g.Text(string(c.Verdict))), h.Span(h.Class("sub"), g.Text(string(c.Method)))),
			td("Proven", g.Text(strconv.FormatInt(current, 10)+" of "+strconv.FormatInt(total, 10)), bar("Objects", []part{{int(current), "proven", "good"}, {int(total - current), "not proven", "quiet"}}, int(total))),
			td("Statement", g.Text(c.Statement), list(c.Notes))))
	}
	return listTable("How much of the existing data is proven to be under the current key", []string{"Cluster", "Verdict", "Proven", "Statement"}, lines)
}

func (v *view) scopeList() g.Node {
	return h.Dl(h.Class("facts"), g.Map(v.scopeLines(), func(l [2]string) g.Node {
		return h.Div(h.Dt(g.Text(l[0])), h.Dd(g.Text(l[1])))
	}))
}

func list(lines []string) g.Node {
	if len(lines) == 0 {
		return nil
	}
	return h.Ul(g.Map(lines, func(s string) g.Node { return h.Li(g.Text(s)) }))
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func stateClass(s state) string {
	switch s {
	case statePass:
		return "good"
	case stateFinding:
		return "bad"
	case stateUndecided:
		return "doubt"
	case stateWaived:
		return "waived"
	case stateInfo:
		return "info"
	}
	return "quiet"
}
