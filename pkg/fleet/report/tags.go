package report

import (
	"html"
	"strings"
)

// node is a part of the page: an element, an attribute or a text that puts itself
// into the element around it. nil puts nothing. What comes from outside passes
// through attr and text, and is escaped there.
//
// The functions here are kept from being inlined: each of the hundreds of places
// that call them would get its own copy of the function inside. A library for HTML
// weighs more than the page (gomponents and x/net/html were tried).
type node func(parent *element)

type element struct{ attributes, inside strings.Builder }

// in puts the nodes into an element.
func in(parent *element, nodes []node) {
	for _, n := range nodes {
		if n != nil {
			n(parent)
		}
	}
}

// void elements have no inside and no end tag.
var void = map[string]bool{"br": true, "input": true, "link": true, "meta": true}

//go:noinline
func el(name string, children ...node) node {
	return func(parent *element) {
		var e element
		in(&e, children)
		parent.put("<", name, e.attributes.String(), ">", e.inside.String())
		if !void[name] {
			parent.put("</", name, ">")
		}
	}
}

func (e *element) put(parts ...string) {
	for _, part := range parts {
		e.inside.WriteString(part)
	}
}

//go:noinline
func attr(name, value string) node {
	return func(parent *element) {
		for _, part := range []string{" ", name, `="`, html.EscapeString(value), `"`} {
			parent.attributes.WriteString(part)
		}
	}
}

//go:noinline
func class(names string) node { return attr("class", names) }

//go:noinline
func text(s string) node {
	return func(parent *element) { parent.put(html.EscapeString(s)) }
}

// raw is for the page's own style and script alone.
func raw(s string) node {
	return func(parent *element) { parent.put(s) }
}

//go:noinline
func group(nodes ...node) node {
	return func(parent *element) { in(parent, nodes) }
}

func when(condition bool, n node) node {
	if condition {
		return n
	}
	return nil
}

// each makes a node of every item.
func each[T any](items []T, make func(T) node) node {
	return func(parent *element) {
		for _, item := range items {
			in(parent, []node{make(item)})
		}
	}
}
