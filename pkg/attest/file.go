package attest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// CheckPath returns an error if WriteFile could not write to the path. It finds this out
// before anything is changed.
func CheckPath(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	switch _, err := os.Lstat(path); {
	case err == nil:
		return hint.New(path+" exists, and evidence is never overwritten", "name another file, or move this one away")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

const tempPattern = ".evidence-*"

// WriteFile writes a file that only its owner may read. It overwrites no file, and leaves no
// incomplete one.
func WriteFile(path string, content []byte) (err error) {
	if err := CheckPath(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), tempPattern) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
