// Package report writes an audit report as CSV, Markdown, HTML, SARIF, JUnit, OCSF, ASFF or OpenMetrics. It only
// converts: the same report always gives the same bytes.
package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/parallel"
)

// Formats returns the formats that Write accepts.
func Formats() []string {
	return []string{"csv", "markdown", "html", "sarif", "junit", "ocsf", "asff", OpenMetrics}
}

// Options are the choices that some formats have. The zero value is the default of each.
type Options struct {
	SARIF SARIF
}

// Write writes the report in one of Formats. It cleans every value and then escapes it for the format, so that a
// hostile name or tag is shown as text.
func Write(w io.Writer, format string, r *v1alpha1.AuditReport, o Options) error {
	write, err := o.writer(format)
	if err != nil {
		return err
	}
	if err := write(w, newReportRows(clean(r))); err != nil {
		return fmt.Errorf("writing the audit report as %s: %w", format, err)
	}
	return nil
}

func (o Options) writer(format string) (func(io.Writer, *reportRows) error, error) {
	switch format {
	case "csv":
		return writeCSV, nil
	case "markdown":
		return writeMarkdown, nil
	case "html":
		return writeHTML, nil
	case "sarif":
		return o.SARIF.write, nil
	case "junit":
		return writeJUnit, nil
	case "ocsf":
		return writeOCSF, nil
	case "asff":
		return writeASFF, nil
	case OpenMetrics:
		return writeOpenMetrics, nil
	}
	return nil, fmt.Errorf("unknown report format %q: use one of %s", format, strings.Join(Formats(), ", "))
}

// Omitted returns the number of results that a format cannot hold. This is 0 except for ASFF, which requires an account
// and a region for each result.
func Omitted(format string, r *v1alpha1.AuditReport) int {
	if format != "asff" {
		return 0
	}
	return newReportRows(r).asffOmitted()
}

// parts is the number of parts of a report that can be written one by one: its clusters, followed by its unreachable
// places.
func (v *reportRows) parts() int { return len(v.Clusters) + len(v.Unreachable) }

// part returns the cluster or the unreachable place of a part.
func (v *reportRows) part(i int) (*cluster, *v1alpha1.Unreachable) {
	if i < len(v.Clusters) {
		return v.Clusters[i], nil
	}
	return nil, &v.Unreachable[i-len(v.Clusters)]
}

// writeJSONArray writes what writeJSON writes for the list of all elements, one part after the other.
func writeJSONArray[T any](w io.Writer, parts int, elements func(part int) []T) error {
	out := bufio.NewWriter(w)
	before := "["
	for text, err := range parallel.Map(parts, func(i int) ([]byte, error) { return jsonElements(elements(i)) }) {
		if err != nil {
			return err
		}
		if len(text) == 0 {
			continue
		}
		out.WriteString(before) //nolint:errcheck // the last Write returns it
		if _, err := out.Write(text); err != nil {
			return err
		}
		before = ","
	}
	if before == "[" {
		out.WriteString("[]\n") //nolint:errcheck // Flush returns it
	} else {
		out.WriteString("\n]\n") //nolint:errcheck // Flush returns it
	}
	return out.Flush()
}

// jsonElements returns the lines of a list without its brackets.
func jsonElements[T any](list []T) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	text, err := json.MarshalIndent(list, "", "  ")
	return bytes.TrimSuffix(bytes.TrimPrefix(text, []byte("[")), []byte("\n]")), err
}

// writeJSON writes indented JSON in which <, > and & are escaped.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
