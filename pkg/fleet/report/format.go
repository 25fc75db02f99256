// Package report writes an audit report as CSV, Markdown, HTML, SARIF, JUnit, OCSF, ASFF or OpenMetrics. It only
// converts: the same report always gives the same bytes.
package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
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
	return newReportRows(r).asffFindings(func(securityhub.Finding) bool { return true })
}

// writeJSONArray writes what writeJSON writes for a list, one element after the other.
func writeJSONArray[T any](w io.Writer, elements iter.Seq[T]) error {
	const indent = "  "
	out := bufio.NewWriter(w)
	before := "[\n"
	for e := range elements {
		text, err := json.MarshalIndent(e, indent, indent)
		if err != nil {
			return err
		}
		out.WriteString(before + indent) //nolint:errcheck // Flush returns it
		out.Write(text)                  //nolint:errcheck // Flush returns it
		before = ",\n"
	}
	if before == "[\n" {
		out.WriteString("[]\n") //nolint:errcheck // Flush returns it
	} else {
		out.WriteString("\n]\n") //nolint:errcheck // Flush returns it
	}
	return out.Flush()
}

// writeJSON writes indented JSON in which <, > and & are escaped.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
