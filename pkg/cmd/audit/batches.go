package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
)

// isDirectory reports whether the path of a flag names a directory.
func isDirectory(flag string) bool { return strings.HasSuffix(flag, "/") }

// emptyDirectory checks that the format has several files, and that the directory is empty or can be created: the files
// of an earlier audit must not mix with those of this one.
func emptyDirectory(format, path string) error {
	if format != "asff" {
		return fmt.Errorf("%s/ is a directory, which only asff=%s/ can be", path, path)
	}
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(path, 0o700)
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("the directory %s is not empty", path)
	}
	return nil
}

// writeBatches writes ACCOUNT/REGION/NUMBER.json below the directory: one file for each call of BatchImportFindings.
func writeBatches(path string, r *v1alpha1.AuditReport) error {
	for _, b := range report.Batches(r) {
		dir := filepath.Join(path, b.Account, b.Region)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%04d.json", b.Number)),
			os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := errors.Join(b.Write(f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
