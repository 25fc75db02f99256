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

// reportFile is a report to write. It is written to a temporary file in the same directory, which replaces path when it
// is complete.
type reportFile struct {
	format, path string
	// directory is true for a directory, whose files get their names from the report.
	directory bool
	done      bool
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

// parseFiles returns the files of the flags, or an error if one of them cannot be written. It leaves no file behind,
// because the program may end at any time.
func parseFiles(flags []string) (reportFiles, error) {
	var files reportFiles
	for _, flag := range flags {
		format, path, err := parseFile(flag)
		if err == nil && files.has(path) {
			err = fmt.Errorf("%s is given twice", path)
		}
		switch {
		case err != nil:
		case isDirectory(flag):
			err = emptyDirectory(format, path)
		default:
			err = checkWritable(path)
		}
		if err != nil {
			return nil, cmdutil.UsageErrorf("--output-file: %w", err)
		}
		files = append(files, &reportFile{format: format, path: path, directory: isDirectory(flag)})
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

// checkWritable returns an error if path is not a regular file, or if no file can be created beside it.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	temp, err := createTemp(path)
	if err != nil {
		return err
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

func createTemp(path string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
}

// write writes all files. A failure does not prevent the others.
func (files reportFiles) write(r *v1alpha1.AuditReport, o report.Options) error {
	var errs []error
	for _, f := range files {
		var err error
		if f.directory {
			err = writeBatches(f.path, r)
		} else {
			err = f.write(r, o)
		}
		if f.done = err == nil; err != nil {
			errs = append(errs, fmt.Errorf("write %s: %w", f.path, err))
		}
	}
	return errors.Join(errs...)
}

// write writes the report to a temporary file, and renames it if there was no error.
func (f *reportFile) write(r *v1alpha1.AuditReport, o report.Options) (err error) {
	temp, err := createTemp(f.path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	err = writeReport(temp, output.NewFormat(f.format), r, o)
	if f.format == report.OpenMetrics { // node-exporter reads it as another user, and publishes it anyway
		err = errors.Join(err, temp.Chmod(0o644))
	}
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), f.path)
}
