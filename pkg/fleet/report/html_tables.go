package report

import (
	"strconv"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// column is a column of a list: on a narrow screen a row becomes a card, and the
// column's name stands before the value.
func td(label string, children ...node) node {
	return el("td", attr("data-label", label), el("div", class("value"), group(children...)))
}

// tdText is a cell of text; an empty one is left out of a card.
func tdText(label, words string) node {
	if words == "" {
		return el("td", attr("data-label", label), class("void"), text("–"))
	}
	return td(label, text(words))
}

func th(name string) node { return el("th", attr("scope", "col"), text(name)) }

// listTable is a table whose rows the filters can hide.
func listTable(caption string, heads []string, rows []node) node {
	return el("table", class("list"), el("caption", text(caption)),
		el("thead", el("tr", each(heads, th))), el("tbody", group(rows...)))
}

// item is a row with what the filters go by.
func item(c *cluster, control string, severity v1alpha1.Severity, cells ...node) node {
	attrs := []node{attr("data-row", "")}
	for _, a := range [][2]string{{"account", c.account}, {"region", c.region}, {"control", control}, {"severity", string(severity)}} {
		if a[1] != "" {
			attrs = append(attrs, attr("data-"+a[0], a[1]))
		}
	}
	return el("tr", append(attrs, cells...)...)
}

func scroll(label string, table node) node {
	return el("div", class("scroll"), attr("tabindex", "0"), attr("role", "region"), attr("aria-label", label), table)
}

func none(words string) node { return el("p", class("none"), text(words)) }

func clusterCell(c *cluster) node {
	name := el("b", class("name"), text(c.name))
	if c.account == "" && c.region == "" {
		return name
	}
	return group(name, el("span", class("sub"), el("span", class("whole"), text(orDash(c.account))), text(" · "), el("span", class("whole"), text(orDash(c.region)))))
}

func expiredLine(w *v1alpha1.Waived) node {
	if w == nil {
		return nil
	}
	return el("span", class("sub warn"), text(expiredWords(w)))
}

func findingsTable(rows []row, caption, otherwise string) node {
	if len(rows) == 0 {
		return none(otherwise)
	}
	var lines []node
	for _, r := range rows {
		word := string(r.severity)
		if word == "" {
			word = "Not rated"
		}
		lines = append(lines, item(r.cluster, r.control.ID, r.severity,
			td("Severity", el("span", class("tag sev-"+word), text(word))),
			td("Cluster", clusterCell(r.cluster)),
			td("Control", el("b", text(r.control.ID)), el("span", class("sub"), text(r.control.Name))),
			td("Why", text(r.reason), expiredLine(r.waiver)),
			tdText("What to do", r.remedy),
		))
	}
	return listTable(caption, []string{"Severity", "Cluster", "Control", "Why", "What to do"}, lines)
}

func (v *view) unreachableTable() node {
	var lines []node
	for _, u := range v.Unreachable {
		lines = append(lines, item(&cluster{account: u.Account, region: u.Region}, "", "", td("Place", el("b", text(placeWords(u)))), td("Why", text(u.Reason))))
	}
	return listTable("Places that could not be asked: what is there is not in this report", []string{"Place", "Why"}, lines)
}

// matrix has a row a cluster and a column a control, and below it the details.
func (v *view) matrix() node {
	if len(v.clusters) == 0 {
		return none("No cluster was found.")
	}
	heads := []node{th("Cluster"), th("Kubernetes"), th("Verdict")}
	for _, id := range v.controls {
		heads = append(heads, th(id))
	}
	var lines, details []node
	for i := range v.clusters {
		c := &v.clusters[i]
		cells := []node{el("th", attr("scope", "row"), clusterCell(c)), el("td", text(orDash(c.item.Cluster.KubernetesVersion))),
			el("td", el("span", class("verdict"), swatch(verdictClass(c.item.Encryption.Verdict)), text(orDash(string(c.item.Encryption.Verdict)))))}
		for _, id := range v.controls {
			s := c.cell(id).state
			cells = append(cells, el("td", class("cell "+stateClass(s)), el("span", text(orDash(s.word())))))
		}
		lines = append(lines, item(c, "", "", cells...))
		details = append(details, v.clusterDetails(c))
	}
	return group(
		scroll("Clusters by control", el("table", class("matrix"), el("caption", class("sr"), text("What became of each control in each cluster")),
			el("thead", el("tr", group(heads...))), el("tbody", group(lines...)))),
		when(len(v.rows(stateInfo, stateNotAnswered)) > 0, el("p", class("hint"), text("* The audit was not asked to decide by this control."))),
		el("details", class("all"), el("summary", el("b", text("Each cluster in detail"))), el("div", class("inside"), group(details...))),
	)
}

func (v *view) clusterDetails(c *cluster) node {
	var facts []node
	fact := func(name, value string) {
		if value != "" {
			facts = append(facts, el("div", el("dt", text(name)), el("dd", text(value))))
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
	return el("details", attr("data-row", ""), attr("data-account", c.account), attr("data-region", c.region),
		el("summary", clusterCell(c)), el("dl", class("facts"), group(facts...)))
}

func (v *view) keysTable() node {
	most := 1
	for _, k := range v.Keys {
		most = max(most, len(k.Clusters))
	}
	var lines []node
	for _, k := range byRadius(v.Keys) {
		shade := map[v1alpha1.Usable]string{v1alpha1.UsableYes: "good", v1alpha1.UsableNo: "bad"}[k.Usable]
		if shade == "" {
			shade = "doubt"
		}
		names := v.names(k.Clusters)
		lines = append(lines, item(&cluster{account: k.Account, region: k.Region}, "", "",
			td("Key", each(k.Aliases, func(a string) node { return el("b", class("name"), text(a)) }), el("code", class("arn"), text(k.ARN))),
			td("State", el("span", class("tag "+shade), text(orDash(k.State))), when(daysLeftWords(k) != "", el("strong", class("sub warn"), text(daysLeftWords(k)))), when(k.DeletionDate != nil, el("span", class("sub"), text("deletion "+moment(k.DeletionDate))))),
			td("Usable", text(reasoned(orDash(string(k.Usable)), k.Reason))),
			td("Rotation", text(output.Rotation(k.Rotation))),
			td("Clusters", el("div", class("radius"), el("b", text(strconv.Itoa(len(k.Clusters)))), bar("Clusters on this key", []part{{len(k.Clusters), "of " + strconv.Itoa(most) + " at the most", shade}}, most)),
				el("details", el("summary", text("which")), list(names))),
		))
	}
	return listTable("Keys that can't be used or will be deleted first, then those on which most clusters hang", []string{"Key", "State", "Usable", "Rotation", "Clusters"}, lines)
}

func (v *view) waivedTable() node {
	var lines []node
	for _, r := range v.rows(stateWaived) {
		w := r.waiver
		lines = append(lines, item(r.cluster, r.control.ID, "", td("Cluster", clusterCell(r.cluster)), td("Control", el("b", text(r.control.ID)), el("span", class("sub"), text(r.control.Name))),
			tdText("Owner", w.Owner), tdText("Until", day(w.Expires)), tdText("Why", w.Reason)))
	}
	return listTable("Findings that somebody answers for", []string{"Cluster", "Control", "Owner", "Until", "Why"}, lines)
}

func (v *view) otherToolsTable() node {
	var groups []node
	for _, o := range v.OtherTools {
		var lines []node
		for _, s := range o.Says {
			shade, word := "bad", "not true"
			if s.Agrees {
				shade, word = "good", "true"
			}
			lines = append(lines, el("tr", td("Tool", el("b", text(s.Tool)), el("span", class("sub"), text(s.Check))), td("Says", el("code", text(s.Says))),
				td("True of the cluster", el("span", class("tag "+shade), text(word))), td("Why", text(s.Why))))
		}
		groups = append(groups, el("div", class("card"), el("h3", text(o.State)),
			el("details", el("summary", text(count(len(o.Clusters), "cluster"))), list(v.names(o.Clusters))),
			listTable("What other tools say of this state", []string{"Tool", "Says", "True of the cluster", "Why"}, lines)))
	}
	return group(groups...)
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

func (v *view) changesTable() node {
	if v.Changes == nil {
		return nil
	}
	var lines []node
	for _, c := range v.changeRows() {
		shade := map[string]string{"Regression": "bad", "Lost from sight": "doubt", "Fixed": "good"}[c.kind]
		lines = append(lines, el("tr", attr("data-row", ""), td("Change", el("span", class("tag "+shade), text(c.kind))), td("Cluster", el("b", class("name"), text(v.name(c.Cluster)))),
			tdText("What", c.What), tdText("Was", c.Was), tdText("Is", c.Is), tdText("Why", c.Reason)))
	}
	if len(lines) == 0 {
		return group(none("Nothing has changed."), list(v.Changes.Notes))
	}
	return group(listTable("What is not as it was", []string{"Change", "Cluster", "What", "Was", "Is", "Why"}, lines), list(v.Changes.Notes))
}

func (v *view) coverageTable() node {
	var lines []node
	for i := range v.Coverage {
		c := v.Coverage[i]
		total, current := proven(c)
		shade := map[v1alpha1.CoverageVerdict]string{v1alpha1.CoverageProven: "good", v1alpha1.CoverageStale: "bad"}[c.Verdict]
		if shade == "" {
			shade = "doubt"
		}
		where := cluster{name: coverageName(c), account: c.Cluster.Account, region: c.Cluster.Region}
		lines = append(lines, item(&where, "ENC-5", "", td("Cluster", clusterCell(&where)), td("Verdict", el("span", class("tag "+shade), text(string(c.Verdict))), el("span", class("sub"), text(string(c.Method)))),
			td("Proven", text(strconv.FormatInt(current, 10)+" of "+strconv.FormatInt(total, 10)), bar("Objects", []part{{int(current), "proven", "good"}, {int(total - current), "not proven", "quiet"}}, int(total))),
			td("Statement", text(c.Statement), list(c.Notes))))
	}
	return listTable("How much of the existing data is proven to be under the current key", []string{"Cluster", "Verdict", "Proven", "Statement"}, lines)
}

func (v *view) scopeList() node {
	return el("dl", class("facts"), each(v.scopeLines(), func(l [2]string) node {
		return el("div", el("dt", text(l[0])), el("dd", text(l[1])))
	}))
}

func list(lines []string) node {
	if len(lines) == 0 {
		return nil
	}
	return el("ul", each(lines, func(s string) node { return el("li", text(s)) }))
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
