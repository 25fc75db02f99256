package auditformat

import g "maragu.dev/gomponents"

// The few elements of gomponents that the page is put together of. They are kept
// from being inlined: each place that calls them would get its own copy of the
// functions inside, 300 kB in all.

//go:noinline
func el(name string, children ...g.Node) g.Node { return g.El(name, children...) }

//go:noinline
func attr(name, value string) g.Node { return g.Attr(name, value) }

//go:noinline
func class(names string) g.Node { return g.Attr("class", names) }

//go:noinline
func text(s string) g.Node { return g.Text(s) }
