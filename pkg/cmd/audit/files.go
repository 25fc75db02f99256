package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// reportFile is a report to write. It is written to a temporary file in the same
// directory, which replaces path when it is complete.
type reportFile struct {
	format, path string
	// temp is nil for a directory, whose files get their names from the report.
	temp *os.File
	done bool
}

type reportFiles []*reportFile

func isReportFormat(format string) bool { return slices.Contains(report.Formats(), format) }

// fileFormats returns the formats for files: the table, those of -o that are complete
// documents, and those that only audit has.
func fileFormats() []string {
	return append([]string{"table", "wide", "json", "yaml"}, report.Formats()...)
}

// formatOf returns the format that the extension of a file name stands for, or "".
func formatOf(path string) string {
	// Longer extensions come first: ocsf and asff are JSON.
	for _, e := range []struct{ extension, format string }{
		{".sarif.json", "sarif"}, {".ocsf.json", "ocsf"}, {".asff.json", "asff"}, {".junit.xml", "junit"},
		{".sarif", "sarif"}, {".ocsf", "ocsf"}, {".asff", "asff"}, {".html", "html"}, {".htm", "html"},
		{".md", "markdown"}, {".markdown", "markdown"}, {".csv", "csv"}, {".xml", "junit"}, {".prom", report.OpenMetrics},
		{".json", "json"}, {".yaml", "yaml"}, {".yml", "yaml"}, {".txt", "table"},
	} {
		if strings.HasSuffix(strings.ToLower(path), e.extension) {
			return e.format
		}
	}
	return ""
}

// openFiles creates the temporary files, so that a file that cannot be written is found
// before the audit begins.
func openFiles(flags []string) (reportFiles, error) {
	var files reportFiles
	for _, flag := range flags {
		format, path, err := parseFile(flag)
		if err == nil && files.has(path) {
			err = fmt.Errorf("%s is given twice", path)
		}
		var temp *os.File
		switch {
		case err != nil:
		case isDirectory(flag):
			err = emptyDirectory(format, path)
		default:
			temp, err = openTemp(path)
		}
		if err != nil {
			files.discard()
			return nil, cmdutil.UsageErrorf("--output-file: %w", err)
		}
		files = append(files, &reportFile{format: format, path: path, temp: temp})
	}
	return files, nil
}

// has reports whether one of the files is that of path, possibly under another name. Neither needs to exist.
func (files reportFiles) has(path string) bool {
	return path != "" && slices.ContainsFunc(files, func(f *reportFile) bool { return resolved(f.path) == resolved(path) })
}

// resolved returns the absolute path without symbolic links to directories. A link to a file would be replaced.
func resolved(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// parseFile reads FORMAT=PATH, or PATH with an extension that names the format.
func parseFile(flag string) (format, path string, err error) {
	if format, path, given := strings.Cut(flag, "="); given && slices.Contains(fileFormats(), format) {
		if path == "" {
			return "", "", fmt.Errorf("%q has no path", flag)
		}
		return format, filepath.Clean(path), nil
	} else if given && !strings.ContainsAny(format, "./\\") {
		return "", "", fmt.Errorf("%q is not a valid format: use one of %s", format, strings.Join(fileFormats(), ", "))
	}
	if format := formatOf(flag); format != "" {
		return format, filepath.Clean(flag), nil
	}
	return "", "", fmt.Errorf("cannot infer a format from %q; use FORMAT=%s", flag, flag)
}

func openTemp(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
}

// write writes all files. A failure does not prevent the others.
func (files reportFiles) write(r *v1alpha1.AuditReport, o report.Options) error {
	var errs []error
	for _, f := range files {
		var err error
		if f.temp == nil {
			err = writeBatches(f.path, r)
		} else {
			err = f.finish(writeReport(f.temp, output.NewFormat(f.format), r, o))
		}
		if f.done = err == nil; err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", f.path, err))
		}
	}
	return errors.Join(errs...)
}

// finish closes the temporary file and renames it if it was written without an error.
func (f *reportFile) finish(err error) error {
	if f.format == report.OpenMetrics { // node-exporter reads it as another user, and publishes it anyway
		err = errors.Join(err, f.temp.Chmod(0o644))
	}
	if err = errors.Join(err, f.temp.Sync(), f.temp.Close()); err != nil {
		return err
	}
	return os.Rename(f.temp.Name(), f.path)
}

// discard removes the temporary files that did not become a report.
func (files reportFiles) discard() {
	for _, f := range files {
		if !f.done && f.temp != nil {
			_ = f.temp.Close()
			_ = os.Remove(f.temp.Name())
		}
	}
}
