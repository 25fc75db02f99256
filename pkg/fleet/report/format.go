// Package report writes an audit report in the formats that people pass
// around and that other tools take in. It is pure: nothing but the report goes
// in, and nothing but bytes come out; the same report gives the same bytes.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Names are the formats that Write knows.
var Names = []string{"csv", "markdown", "html", "sarif", "junit", "ocsf", "asff"}

// Write writes the report in one of the formats of Names. Every value in it is
// cleaned first and then escaped as the format asks for, so that a name or a tag
// from the cloud is shown as what it is and does nothing.
func Write(w io.Writer, format string, r *v1alpha1.AuditReport) error {
	write, err := writer(format)
	if err != nil {
		return err
	}
	cleaned, err := clean(r)
	if err != nil {
		return fmt.Errorf("writing the audit report as %s: %w", format, err)
	}
	if err := write(w, newReportRows(cleaned)); err != nil {
		return fmt.Errorf("writing the audit report as %s: %w", format, err)
	}
	return nil
}

func writer(format string) (func(io.Writer, *reportRows) error, error) {
	switch format {
	case "csv":
		return writeCSV, nil
	case "markdown":
		return writeMarkdown, nil
	case "html":
		return writeHTML, nil
	case "sarif":
		return writeSARIF, nil
	case "junit":
		return writeJUnit, nil
	case "ocsf":
		return writeOCSF, nil
	case "asff":
		return writeASFF, nil
	}
	return nil, fmt.Errorf("unknown report format %q: one of %s", format, strings.Join(Names, ", "))
}

// Omitted counts what a format has no place for. ASFF alone has none for results
// of clusters, and for places out of reach, whose account or region is unknown.
func Omitted(format string, r *v1alpha1.AuditReport) int {
	if format != "asff" {
		return 0
	}
	_, omitted := asffFindings(newReportRows(r))
	return omitted
}

// writeJSON writes indented JSON; <, > and & are escaped, as encoding/json does.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
