package output

import (
	"fmt"
	"io"
	"strconv"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// shownFailures is the maximum number of failures in the text, unless wide.
const shownFailures = 20

// CoverageText writes the report for people: the verdict with its statement, the counts,
// and the failures.
func CoverageText(w io.Writer, r *v1alpha1.CoverageReport, c Colour, wide bool) error {
	e := newTextWriter(w)
	paint := c.Doubtful
	switch r.Verdict {
	case v1alpha1.CoverageProven:
		paint = c.Good
	case v1alpha1.CoverageStale, v1alpha1.CoverageContradicted:
		paint = c.Bad
	}
	e.line(c.Strong(paint(fmt.Sprintf("%s (%s)", r.Verdict, r.Method))))
	e.line(e.wrap(r.Statement, ""))
	e.line("")
	e.do(func(w io.Writer) error { return serversText(w, r) })
	t := NewTable("RESOURCE", "TOTAL", "CURRENT", "REWRITTEN", "GONE", "UNPROVEN", "FAILED")
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	var failures []v1alpha1.Failure
	for _, row := range r.Resources {
		name := row.Resource
		if row.Group != "" {
			name += "." + row.Group
		}
		t.Row(name, n(row.Total), n(row.Current), n(row.Rewritten), n(row.Gone), n(row.Unproven), n(row.Failed))
		failures = append(failures, row.Failures...)
	}
	e.do(t.Print)
	e.do(func(w io.Writer) error { return failureTable(w, failures, wide) })
	e.notes(r.Notes)
	return e.err
}

// serversText describes the API servers that answered.
func serversText(w io.Writer, r *v1alpha1.CoverageReport) error {
	s, a := r.Servers, r.Agreement
	if s == nil {
		return nil
	}
	live := "unknown"
	if s.Live > 0 {
		live = strconv.Itoa(s.Live)
	}
	line := fmt.Sprintf("API servers: %s live, %d reached; write key %s", live, s.Reached, s.WriteKey)
	if a != nil {
		line += fmt.Sprintf("; agreement before: %s, after: %s; control: %s", a.Before, a.After, r.Control)
	}
	if s.Reason != "" {
		line += "; " + s.Reason
	}
	_, err := fmt.Fprintf(w, "%s\n\n", sanitize.Line(line))
	return err
}

func failureTable(w io.Writer, failures []v1alpha1.Failure, wide bool) error {
	if len(failures) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	t := NewTable("FAILED IN", "NAME", "REASON", "MESSAGE")
	for i, f := range failures {
		if i == shownFailures && !wide {
			break
		}
		t.Row(f.Namespace, f.Name, f.Reason, f.Message)
	}
	if err := t.Print(w); err != nil {
		return err
	}
	if left := len(failures) - shownFailures; left > 0 && !wide {
		_, err := fmt.Fprintf(w, "and %d more; show all with -o wide\n", left)
		return err
	}
	return nil
}
