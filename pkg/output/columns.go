package output

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/jsonpath"
)

// columns is the printer of custom-columns and custom-columns-file. It accepts what
// kubectl accepts. kubectl's own printer is in a package that adds more than half to the
// start-up time of this program.
type columns struct {
	headers []string
	paths   []*jsonpath.JSONPath
}

// columnFormats returns the formats for which newColumns makes a printer.
func columnFormats() []string { return []string{"custom-columns", "custom-columns-file"} }

// newColumns returns the printer for the columns HEADER:PATH,… or, for
// custom-columns-file, for a file with a line of headers and a line of paths.
func newColumns(format, value string) (*columns, error) {
	if value == "" {
		return nil, errors.New("no columns given: use for instance custom-columns=NAME:.metadata.name")
	}
	c := &columns{}
	if format == "custom-columns" {
		for column := range strings.SplitSeq(value, ",") {
			header, path, ok := strings.Cut(column, ":")
			if !ok {
				return nil, fmt.Errorf("column %q is not valid: use HEADER:PATH", column)
			}
			if err := c.add(header, path); err != nil {
				return nil, err
			}
		}
		return c, nil
	}
	text, err := os.ReadFile(value)
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	second, _, _ := strings.Cut(rest, "\n")
	headers, paths := strings.Fields(first), strings.Fields(second)
	if len(headers) == 0 || len(headers) != len(paths) {
		return nil, fmt.Errorf("%s has %d headers in its first line and %d paths in its second line: "+
			"the numbers must be equal", value, len(headers), len(paths))
	}
	for i, header := range headers {
		if err := c.add(header, paths[i]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// add adds a column. As in kubectl, the dot and the braces of the path are optional.
func (c *columns) add(header, path string) error {
	inner := path
	if strings.HasPrefix(path, "{") && strings.HasSuffix(path, "}") {
		inner = path[1 : len(path)-1]
	}
	if inner == "" || strings.ContainsAny(inner, "{}") {
		return fmt.Errorf("path %q of column %q is not valid: use for instance .metadata.name", path, header)
	}
	p := jsonpath.New(header).AllowMissingKeys(true)
	if err := p.Parse("{." + strings.TrimPrefix(inner, ".") + "}"); err != nil {
		return fmt.Errorf("path %q of column %q: %w", path, header, err)
	}
	c.headers, c.paths = append(c.headers, header), append(c.paths, p)
	return nil
}

// PrintObj prints a row for each item of an unstructured list, or for another object.
func (c *columns) PrintObj(obj runtime.Object, w io.Writer) error {
	rows := &unstructured.UnstructuredList{}
	switch o := obj.(type) {
	case *unstructured.UnstructuredList:
		rows = o
	case *unstructured.Unstructured:
		rows.Items = append(rows.Items, *o)
	}
	t := NewTable(c.headers...)
	for i := range rows.Items {
		cells := make([]string, len(c.paths))
		for column, path := range c.paths {
			results, err := path.FindResults(rows.Items[i].Object)
			if err != nil {
				return fmt.Errorf("column %q: %w", c.headers[column], err)
			}
			var values []string
			for _, result := range results {
				for _, value := range result {
					values = append(values, fmt.Sprint(value.Interface()))
				}
			}
			cells[column] = strings.Join(values, ",")
		}
		t.Row(cells...)
	}
	return t.Print(w)
}
