package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// configure reads or creates the folder's configuration, applies the given flags
// and saves it.
func configure(dir state.Dir, o upOptions, changed func(string) bool) (*state.Config, error) {
	if err := dir.CheckUsable(); err != nil {
		return nil, err
	}
	config, err := state.Load(dir)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return nil, err
	}
	if fresh {
		config = &state.Config{
			Kind: "eks-lab", Users: state.NewUsers(), Service: state.NewCredentials(), Ports: o.ports,
		}
	}
	if err := dir.Make(); err != nil {
		return nil, err
	}
	for flag, set := range map[string]func(){
		"association-time": func() { config.AssociationTime = o.associationTime },
		"person":           func() { config.DefaultUser = o.defaultUser },
		"fsync":            func() { config.Fsync = o.fsync },
	} {
		if fresh || changed(flag) {
			set()
		}
	}
	if _, err := config.FindUser(config.DefaultUser); err != nil {
		return nil, err
	}
	if err := o.configurePlane(&config.ControlPlane, fresh, changed); err != nil {
		return nil, err
	}
	if fresh || changed("token-command") {
		if config.TokenCommand, err = chooseTokenCommand(o.tokenCommand); err != nil {
			return nil, err
		}
		if err := linkAWS(dir); err != nil {
			return nil, err
		}
	}
	config.Ports.APIServer = cmp.Or(o.ports.APIServer, config.Ports.APIServer)
	config.Ports.AWS = cmp.Or(o.ports.AWS, config.Ports.AWS)
	config.Ports.Etcd = cmp.Or(o.ports.Etcd, config.Ports.Etcd)
	if err := config.Ports.FillPorts(); err != nil {
		return nil, err
	}
	if config.Run, err = state.EnsureRun(dir, config.Run); err != nil {
		return nil, err
	}
	return config, config.Save(dir)
}

// chooseTokenCommand returns the program that runs as `aws eks get-token`: aws or lab.
func chooseTokenCommand(choice string) (string, error) {
	switch choice {
	case "aws", "lab":
		return choice, nil
	case "auto":
		if _, err := exec.LookPath("aws"); err == nil {
			return "aws", nil
		}
		return "lab", nil
	}
	return "", fmt.Errorf("--token-command must be auto, aws or lab, not %q", choice)
}

// linkAWS creates the lab's stand-in for the AWS CLI: a link to this binary.
func linkAWS(dir state.Dir) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	link := filepath.Join(dir.Bin(), "aws")
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(self, link)
}
