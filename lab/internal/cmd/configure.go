package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/balancer"
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

// configurePlane applies the flags of the control plane.
func (o upOptions) configurePlane(plane *state.ControlPlane, fresh bool, changed func(string) bool) error {
	if _, err := balancer.NewPolicy(o.plane.Balance); err != nil {
		return fmt.Errorf("--balance: %w", err)
	}
	if o.plane.Servers < 1 || o.plane.Servers > maxServers {
		return fmt.Errorf("--api-servers must be 1 to %d, not %d", maxServers, o.plane.Servers)
	}
	quota, err := humanize.ParseBytes(o.etcdQuota)
	if err != nil || quota < minQuota || quota > maxQuota {
		return fmt.Errorf("--etcd-quota must be a size from 16MiB to 8GiB, not %q", o.etcdQuota)
	}
	if !changed("hot-reload") {
		o.plane.HotReload = o.plane.Servers == 1
	}
	for flag, set := range map[string]func(){
		"etcd-quota":  func() { plane.EtcdQuota = int64(quota) },
		"balance":     func() { plane.Balance = o.plane.Balance },
		"api-servers": func() { plane.Servers, plane.HotReload = o.plane.Servers, o.plane.HotReload },
	} {
		if fresh || changed(flag) {
			set()
		}
	}
	if changed("hot-reload") {
		plane.HotReload = o.plane.HotReload
	}
	return nil
}

const (
	maxServers = 9
	minQuota   = 16 << 20
	maxQuota   = 8 << 30
)

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
