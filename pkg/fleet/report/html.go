package report

import (
	"crypto/sha256"
	_ "embed" // the style and the script of the page
	"encoding/base64"
	"io"
	"strconv"
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
	var document element
	document.put("<!DOCTYPE html>")
	el("html", attr("lang", "en"),
		el("head",
			el("meta", attr("charset", "utf-8")),
			el("meta", attr("http-equiv", "Content-Security-Policy"), attr("content", policy())),
			el("meta", attr("name", "viewport"), attr("content", "width=device-width, initial-scale=1")),
			el("meta", attr("name", "color-scheme"), attr("content", "light dark")),
			el("meta", attr("name", "referrer"), attr("content", "no-referrer")),
			el("link", attr("rel", "icon"), attr("href", "data:,")),
			el("title", text("EKS encryption audit: "+v.headline())),
			el("style", raw(styleSheet)),
		),
		el("body",
			el("a", class("skip"), attr("href", "#content"), text("Skip to the findings")),
			v.header(),
			el("main", attr("id", "content"), sections(v)),
			el("footer", class("wrap foot"), el("p", text("Written by kubectl eks-encrypt audit. It is evidence, not attestation: what could not be established is shown as unknown, with the reason."))),
			el("script", raw(script)),
		),
	)(&document)
	_, err := io.WriteString(w, document.inside.String())
	return err
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
	body      node
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

func (v *view) header() node {
	return el("header", class("top"),
		el("div", class("wrap"),
			el("p", class("kicker"), text("kubectl eks-encrypt audit")),
			el("div", class("headline "+outcomeClass(v.outcome())),
				el("span", class("pill"), text(outcomeWord(v.outcome()))),
				el("h1", text(v.headline())),
			),
			when(v.detail() != "", el("p", class("lead"), text(v.detail()))),
			when(v.FinishedAt != nil || v.StartedAt != nil, el("p", class("when"), text("As of "+v.at().Format("2 January 2006, 15:04 UTC")))),
			v.figures(),
			el("nav", attr("aria-label", "Sections"), el("ul", each(v.sections(), func(s section) node {
				return el("li", el("a", attr("href", "#"+s.id), text(s.title), when(s.n > 0, el("span", class("n"), text(strconv.Itoa(s.n))))))
			}))),
		))
}

func (v *view) figures() node {
	figure := func(n int, name, shade string) node {
		if n == 0 {
			shade = "zero"
		}
		return el("div", class("figure "+shade), el("dt", text(name)), el("dd", text(strconv.Itoa(n))))
	}
	return el("dl", class("figures"),
		figure(len(v.clusters), "Clusters", ""),
		figure(len(v.rows(stateFinding)), "Findings", "bad"),
		figure(len(v.rows(stateUndecided)), "Undecided", "doubt"),
		figure(len(v.Unreachable), "Not asked", "doubt"),
		figure(len(v.Waived), "Waived", ""),
		figure(len(v.Keys), "Keys", ""),
	)
}

func sections(v *view) node {
	return el("div", class("wrap"),
		filters(),
		each(v.sections(), func(s section) node {
			return el("section", attr("id", s.id), attr("aria-labelledby", s.id+"-title"),
				el("h2", attr("id", s.id+"-title"), text(s.title), when(s.n > 0, el("span", class("n"), text(strconv.Itoa(s.n))))),
				s.body)
		}))
}

// filters are hidden until the script shows them; it fills the choices, too.
func filters() node {
	choice := func(id, label string) node {
		return el("p", el("label", attr("for", "filter-"+id), text(label)),
			el("select", attr("id", "filter-"+id), attr("data-filter", id), el("option", attr("value", ""), text("all"))))
	}
	return el("form", attr("id", "filters"), class("filters"), attr("hidden", "hidden"), attr("role", "search"), attr("aria-label", "Filter the lists"),
		el("p", class("grow"), el("label", attr("for", "filter-text"), text("Filter")), el("input", attr("id", "filter-text"), attr("type", "search"), attr("autocomplete", "off"), attr("placeholder", "cluster, key, reason …"))),
		choice("account", "Account"), choice("region", "Region"), choice("control", "Control"), choice("severity", "Severity"),
		el("p", el("button", attr("type", "reset"), text("Clear"))),
		el("p", attr("id", "filter-status"), class("status"), attr("role", "status")),
	)
}
