package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// auditFile is a report to be: it is written beside its place, and moved there when
// it is whole.
type auditFile struct {
	format, path string
	beside       *os.File
	done         bool
}

type auditFiles []*auditFile

// fileFormats are the formats that go into files: those of -o that are whole
// documents, the table, and those of audit alone.
func fileFormats() []string {
	return append([]string{"table", "wide", "json", "yaml"}, report.Formats()...)
}

// endings tell the format. A longer one is looked at first: ocsf and asff are JSON.
var endings = []struct{ ending, format string }{
	{".sarif.json", "sarif"}, {".ocsf.json", "ocsf"}, {".asff.json", "asff"}, {".junit.xml", "junit"},
	{".sarif", "sarif"}, {".ocsf", "ocsf"}, {".asff", "asff"}, {".html", "html"}, {".htm", "html"},
	{".md", "markdown"}, {".markdown", "markdown"}, {".csv", "csv"}, {".xml", "junit"},
	{".json", "json"}, {".yaml", "yaml"}, {".yml", "yaml"}, {".txt", "table"},
}

// openFiles makes sure that every file can be written, before the audit begins.
func openFiles(cmd *cobra.Command, words []string) (auditFiles, error) {
	var files auditFiles
	for _, word := range words {
		format, path, err := parseFile(word)
		if err == nil && slices.ContainsFunc(files, func(f *auditFile) bool { return f.path == path }) {
			err = fmt.Errorf("%s is named twice", path)
		}
		var beside *os.File
		if err == nil {
			beside, err = openBeside(path)
		}
		if err != nil {
			files.discard()
			return nil, usage(cmd, "--output-file: %w", err)
		}
		files = append(files, &auditFile{format: format, path: path, beside: beside})
	}
	return files, nil
}

func parseFile(word string) (format, path string, err error) {
	if format, path, given := strings.Cut(word, "="); given && slices.Contains(fileFormats(), format) {
		if path == "" {
			return "", "", fmt.Errorf("%q names no file", word)
		}
		return format, filepath.Clean(path), nil
	} else if given && !strings.ContainsAny(format, "./\\") {
		return "", "", fmt.Errorf("unknown format %q: one of %s", format, strings.Join(fileFormats(), ", "))
	}
	for _, e := range endings {
		if strings.HasSuffix(strings.ToLower(word), e.ending) {
			return e.format, filepath.Clean(word), nil
		}
	}
	return "", "", fmt.Errorf("the ending of %q tells no format: FORMAT=%s", word, word)
}

func openBeside(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
}

// write writes all files; one that fails doesn't hinder the others.
func (files auditFiles) write(r *v1alpha1.AuditReport) error {
	var errs []error
	for _, f := range files {
		err := writeAudit(f.beside, f.format, r)
		err = errors.Join(err, f.beside.Sync(), f.beside.Close())
		if err == nil {
			err = os.Rename(f.beside.Name(), f.path)
		}
		if f.done = err == nil; err != nil {
			errs = append(errs, fmt.Errorf("writing %s: %w", f.path, err))
		}
	}
	return errors.Join(errs...)
}

// discard removes what did not become a report.
func (files auditFiles) discard() {
	for _, f := range files {
		if !f.done {
			_ = f.beside.Close()
			_ = os.Remove(f.beside.Name())
		}
	}
}

func (files auditFiles) paths() []string {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.path)
	}
	return paths
}

// writeAudit writes the report in any format; files are not painted.
func writeAudit(w io.Writer, format string, r *v1alpha1.AuditReport) error {
	switch {
	case slices.Contains(report.Formats(), format):
		return report.Write(w, format, r)
	case format == "table" || format == "wide":
		return output.AuditText(w, r, output.Colour{}, format == "wide")
	}
	return output.Format(format).Print(w, r)
}
