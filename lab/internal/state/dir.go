// Package state defines the lab's folder: the paths in it, and the settings that
// survive a restart.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Dir is the path of a lab's folder. The lab writes only below it, except for
// the sockets if the path is long.
type Dir string

// DefaultDir returns $EKS_LAB_DIR, or .eks-lab in the home folder.
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

// ConfigFile holds the Config. A folder with this file is a lab's.
func (d Dir) ConfigFile() string { return d.file("lab.json") }

// AWSFile holds the state of the AWS endpoints: clusters, keys, principals.
func (d Dir) AWSFile() string { return d.file("aws.json") }

// Server is the folder of the API server on this host: its certificate and its
// encryption configuration.
func (d Dir) Server(host string) string { return filepath.Join(d.file("servers"), host) }

// Etcd is etcd's data folder.
func (d Dir) Etcd() string { return d.file("etcd") }

// Kubeconfig has the content that `aws eks update-kubeconfig` writes.
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

// LockFile is locked by the daemon while it runs.
func (d Dir) LockFile() string { return d.file("lock") }

func (d Dir) file(name string) string { return filepath.Join(string(d), name) }

// Make creates the folder and its subfolders. Other users have no access.
func (d Dir) Make() error {
	for _, dir := range []string{string(d), d.Etcd(), d.PKI(), d.AWS(), d.Bin(), d.Logs()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// IsLab reports whether the folder exists and is a lab's.
func (d Dir) IsLab() (bool, error) {
	_, err := os.Stat(d.ConfigFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// CheckUsable returns an error if the folder holds anything other than a lab.
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
		return fmt.Errorf("%s is not empty and is not a lab", d)
	}
	return nil
}

// Purge removes the folder. It returns an error if the folder holds anything
// other than a lab.
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
