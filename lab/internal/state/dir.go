// Package state is the lab's folder: what lies where, and what survives a kill.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is a lab's folder. Whatever the lab writes lies below it, sockets with
// long paths excepted.
type Dir string

// DefaultDir is $EKS_LAB_DIR, or .eks-lab in the home folder.
func DefaultDir() string {
	if dir := os.Getenv("EKS_LAB_DIR"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".eks-lab"
	}
	return filepath.Join(home, ".eks-lab")
}

// ConfigFile marks the folder as a lab's and holds its Config.
func (d Dir) ConfigFile() string { return d.file("lab.json") }

// WorldFile holds the AWS side: clusters, keys, principals.
func (d Dir) WorldFile() string { return d.file("aws.json") }

// EncryptionConfig is the file that the API server reloads by itself.
func (d Dir) EncryptionConfig() string { return d.file("encryption.yaml") }

// Etcd is etcd's data folder.
func (d Dir) Etcd() string { return d.file("etcd") }

// Kubeconfig is what `aws eks update-kubeconfig` would have written.
func (d Dir) Kubeconfig() string { return d.file("kubeconfig") }

// PKI is the folder of the lab's own certificates.
func (d Dir) PKI() string { return d.file("pki") }

// AWS is the folder of the AWS config and credentials files.
func (d Dir) AWS() string { return d.file("aws") }

// Bin is the folder with the stand-in for the AWS CLI.
func (d Dir) Bin() string { return d.file("bin") }

// Logs is the folder of the components' logs.
func (d Dir) Logs() string { return d.file("log") }

// Log is the log file of one component.
func (d Dir) Log(component string) string { return filepath.Join(d.Logs(), component+".log") }

// LockFile is held by the daemon as long as it runs.
func (d Dir) LockFile() string { return d.file("lock") }

func (d Dir) file(name string) string { return filepath.Join(string(d), name) }

// Make creates the folder and those in it, closed to other users.
func (d Dir) Make() error {
	for _, dir := range []string{string(d), d.Etcd(), d.PKI(), d.AWS(), d.Bin(), d.Logs()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// IsLab says whether the folder is a lab's; one that does not exist is none.
func (d Dir) IsLab() (bool, error) {
	_, err := os.Stat(d.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// CheckUsable refuses a folder that holds something else than a lab.
func (d Dir) CheckUsable() error {
	if ok, err := d.IsLab(); ok || err != nil {
		return err
	}
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty and holds no lab", d)
	}
	return nil
}

// Purge removes the folder, if it is a lab's.
func (d Dir) Purge() error {
	ok, err := d.IsLab()
	if err != nil {
		return err
	}
	if !ok {
		return d.CheckUsable()
	}
	return os.RemoveAll(string(d))
}
