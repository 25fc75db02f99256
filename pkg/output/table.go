package output

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// None and Unknown stand in a cell that has no value, as kubectl writes them.
const (
	None    = "<none>"
	Unknown = "<unknown>"
)

// Table writes rows in kubectl's look: upper-case headers, no borders.
type Table struct {
	rows [][]string
}

// NewTable begins a table with its headers.
func NewTable(headers ...string) *Table {
	return &Table{rows: [][]string{headers}}
}

// Row adds a row; each cell is cleaned, an empty one becomes <none>.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		if row[i] = Clean(cell); row[i] == "" {
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

// Fields writes "Name:  value" lines, as kubectl describe does.
type Fields struct {
	rows [][2]string
}

// Add adds a line; the value is cleaned, and an empty one leaves the line out.
func (f *Fields) Add(name, value string) {
	if value = Clean(value); value != "" {
		f.rows = append(f.rows, [2]string{name, value})
	}
}

// Addf adds a line whose value is formatted.
func (f *Fields) Addf(name, format string, args ...any) { f.Add(name, fmt.Sprintf(format, args...)) }

// Print writes the lines with their values in one column.
func (f *Fields) Print(w io.Writer) error {
	width := 0
	for _, row := range f.rows {
		width = max(width, len(row[0]))
	}
	for _, row := range f.rows {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width+1, row[0]+":", row[1]); err != nil {
			return err
		}
	}
	return nil
}
