package output

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// None and Unknown mark cells without a value, as in the output of kubectl.
const (
	None    = "<none>"
	Unknown = "<unknown>"
)

// Table is a table in the style of kubectl: upper-case headers, no borders.
type Table struct {
	rows [][]string
}

// NewTable returns a table with these headers, which are cleaned like cells.
func NewTable(headers ...string) *Table {
	t := &Table{}
	t.Row(headers...)
	return t
}

// Row adds a row. Each cell is cleaned; an empty one becomes <none>.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		if row[i] = sanitize.Line(cell); row[i] == "" {
			row[i] = None
		}
	}
	t.rows = append(t.rows, row)
}

// Print writes the table.
func (t *Table) Print(w io.Writer) error {
	tw := printers.GetNewTabWriter(w)
	for _, row := range t.rows {
		if _, err := fmt.Fprintln(tw, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// Fields is a list of "Name:  value" lines, as kubectl describe prints them.
type Fields struct {
	rows [][2]string
}

// Add adds a line with the cleaned value, unless the value is empty. Without a name, it continues the line above.
func (f *Fields) Add(name, value string) {
	if value = sanitize.Line(value); value != "" {
		f.rows = append(f.rows, [2]string{name, value})
	}
}

// Addf adds a line with a formatted value.
func (f *Fields) Addf(name, format string, args ...any) { f.Add(name, fmt.Sprintf(format, args...)) }

// minValue is the minimum width of a wrapped value, in columns.
const minValue = 30

// Print writes the lines with aligned values. On a terminal that is wide enough, long values continue below.
func (f *Fields) Print(w io.Writer) error {
	name := 0
	for _, row := range f.rows {
		name = max(name, len(row[0])+len(":  "))
	}
	width := Width(w)
	if width < name+minValue {
		width = 0
	}
	indent := strings.Repeat(" ", name)
	for _, row := range f.rows {
		value := strings.TrimPrefix(Wrap(row[1], indent, width), indent)
		label := row[0] + ":"
		if row[0] == "" {
			label = "" // belongs to the line above
		}
		if _, err := fmt.Fprintf(w, "%-*s%s\n", name, label, value); err != nil {
			return err
		}
	}
	return nil
}
