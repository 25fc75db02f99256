package auditformat

import "golang.org/x/net/html"

// The functions here are kept from being inlined: each of the hundreds of places
// that call them would get its own copy of the function inside.

// node is a part of the page: it puts an element, an attribute or a text into the
// element around it. nil puts nothing. The escaping is the renderer's.
type node func(parent *html.Node)

// in puts the nodes into an element.
func in(parent *html.Node, nodes []node) {
	for _, n := range nodes {
		if n != nil {
			n(parent)
		}
	}
}

//go:noinline
func el(name string, children ...node) node {
	return func(parent *html.Node) {
		n := &html.Node{Type: html.ElementNode, Data: name}
		in(n, children)
		parent.AppendChild(n)
	}
}

//go:noinline
func attr(name, value string) node {
	return func(parent *html.Node) { parent.Attr = append(parent.Attr, html.Attribute{Key: name, Val: value}) }
}

//go:noinline
func class(names string) node { return attr("class", names) }

// text is escaped as the place asks; in style and script it stands as it is.
//
//go:noinline
func text(s string) node {
	return func(parent *html.Node) { parent.AppendChild(&html.Node{Type: html.TextNode, Data: s}) }
}

//go:noinline
func group(nodes ...node) node {
	return func(parent *html.Node) { in(parent, nodes) }
}

func when(condition bool, n node) node {
	if condition {
		return n
	}
	return nil
}

// each makes a node of every item.
func each[T any](items []T, make func(T) node) node {
	return func(parent *html.Node) {
		for _, item := range items {
			in(parent, []node{make(item)})
		}
	}
}
