package auditformat

import (
	"crypto/sha256"
	_ "embed" // the style and the script of the page
	"encoding/base64"
	"io"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// The page carries its style and its script; the content security policy lets
// the browser run these two and load nothing at all.
var (
	//go:embed assets/report.css
	styleSheet string
	//go:embed assets/report.js
	script string
)

// writeHTML writes one page that stands by itself. Everything in it can be read
// without the script, which only adds the filters.
func writeHTML(w io.Writer, v *view) error {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(g.Attr("http-equiv", "Content-Security-Policy"), h.Content(policy())),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.Meta(h.Name("referrer"), h.Content("no-referrer")),
			h.Link(h.Rel("icon"), h.Href("data:,")),
			h.TitleEl(g.Text("EKS encryption audit: "+v.headline())),
			h.StyleEl(g.Raw(styleSheet)),
		),
		h.Body(
			h.A(h.Class("skip"), h.Href("#content"), g.Text("Skip to the findings")),
			v.header(),
			h.Main(h.ID("content"), sections(v)),
			h.Footer(h.Class("wrap foot"), h.P(g.Text("Written by kubectl eks-encrypt audit. It is evidence, not attestation: what could not be established is shown as unknown, with the reason."))),
			h.Script(g.Raw(script)),
		),
	)).Render(w)
}

func policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(styleSheet) + "; script-src " + hash(script) + "; img-src data:; base-uri 'none'; form-action 'none'"
}

// section is one part of the page, with its entry in the navigation.
type section struct {
	id, title string
	n         int
	body      g.Node
}

func (v *view) sections() []section {
	all := []section{
		{"totals", "Totals", -1, v.totals()},
		{"findings", "Findings", len(v.rows(stateFinding)), findingsTable(v.worstFirst(stateFinding), "Controls that failed, the gravest first", "No control that decides has failed.")},
		{"undecided", "Undecided", len(v.rows(stateUndecided)), findingsTable(v.worstFirst(stateUndecided), "Controls that could not be answered", "Every control that decides was answered.")},
		{"unreachable", "Could not be asked", len(v.Unreachable), v.unreachableTable()},
		{"changes", v.changesTitle(), v.changesCount(), v.changesTable()},
		{"matrix", "Clusters by control", len(v.clusters), v.matrix()},
		{"keys", "Keys by blast radius", len(v.Keys), v.keysTable()},
		{"waived", "Waived", len(v.Waived), v.waivedTable()},
		{"coverage", "Coverage of existing data", len(v.Coverage), v.coverageTable()},
		{"other-tools", "Why other tools differ", len(v.OtherTools), v.otherToolsTable()},
		{"notes", "Notes", len(v.Notes), list(v.Notes)},
		{"scope", "Scope and times", -1, v.scopeList()},
	}
	// A part about nothing is left out; that there are no findings is worth saying.
	var shown []section
	for _, s := range all {
		if s.n != 0 || s.id == "findings" || s.id == "undecided" {
			shown = append(shown, s)
		}
	}
	return shown
}

func (v *view) header() g.Node {
	return h.Header(h.Class("top"),
		h.Div(h.Class("wrap"),
			h.P(h.Class("kicker"), g.Text("kubectl eks-encrypt audit")),
			h.Div(h.Class("headline "+outcomeClass(v.outcome())),
				h.Span(h.Class("pill"), g.Text(outcomeWord(v.outcome()))),
				h.H1(g.Text(v.headline())),
			),
			g.If(v.detail() != "", h.P(h.Class("lead"), g.Text(v.detail()))),
			g.If(v.FinishedAt != nil || v.StartedAt != nil, h.P(h.Class("when"), g.Text("As of "+v.at().Format("2 January 2006, 15:04 UTC")))),
			v.figures(),
			h.Nav(g.Attr("aria-label", "Sections"), h.Ul(g.Map(v.sections(), func(s section) g.Node {
				return h.Li(h.A(h.Href("#"+s.id), g.Text(s.title), g.If(s.n > 0, h.Span(h.Class("n"), g.Text(strconv.Itoa(s.n))))))
			}))),
		))
}

func (v *view) figures() g.Node {
	figure := func(n int, name, class string) g.Node {
		if n == 0 {
			class = "zero"
		}
		return h.Div(h.Class("figure "+class), h.Dt(g.Text(name)), h.Dd(g.Text(strconv.Itoa(n))))
	}
	return h.Dl(h.Class("figures"),
		figure(len(v.clusters), "Clusters", ""),
		figure(len(v.rows(stateFinding)), "Findings", "bad"),
		figure(len(v.rows(stateUndecided)), "Undecided", "doubt"),
		figure(len(v.Unreachable), "Not asked", "doubt"),
		figure(len(v.Waived), "Waived", ""),
		figure(len(v.Keys), "Keys", ""),
	)
}

func sections(v *view) g.Node {
	return h.Div(h.Class("wrap"),
		filters(),
		g.Map(v.sections(), func(s section) g.Node {
			return h.Section(h.ID(s.id), g.Attr("aria-labelledby", s.id+"-title"),
				h.H2(h.ID(s.id+"-title"), g.Text(s.title), g.If(s.n > 0, h.Span(h.Class("n"), g.Text(strconv.Itoa(s.n))))),
				s.body)
		}))
}

// filters are hidden until the script shows them; it fills the choices, too.
func filters() g.Node {
	choice := func(id, label string) g.Node {
		return h.P(h.Label(h.For("filter-"+id), g.Text(label)),
			h.Select(h.ID("filter-"+id), h.Data("filter", id), h.Option(h.Value(""), g.Text("all"))))
	}
	return h.Form(h.ID("filters"), h.Class("filters"), g.Attr("hidden"), g.Attr("role", "search"), g.Attr("aria-label", "Filter the lists"),
		h.P(h.Class("grow"), h.Label(h.For("filter-text"), g.Text("Filter")), h.Input(h.ID("filter-text"), h.Type("search"), g.Attr("autocomplete", "off"), h.Placeholder("cluster, key, reason …"))),
		choice("account", "Account"), choice("region", "Region"), choice("control", "Control"), choice("severity", "Severity"),
		h.P(h.Button(h.Type("reset"), g.Text("Clear"))),
		h.P(h.ID("filter-status"), h.Class("status"), g.Attr("role", "status")),
	)
}
