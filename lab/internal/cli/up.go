package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

type upOptions struct {
	ports           state.Ports
	associationTime time.Duration
	person          string
	tokenCommand    string
	fsync           bool
	timeout         time.Duration
	foreground      bool
}

func newUp(g *globals) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use: "up", Short: "Start the lab, or say that it runs",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.up(cmd, o) },
	}
	f := cmd.Flags()
	f.IntVar(&o.ports.APIServer, "port", 0, "Port of the API server (0: a free one)")
	f.IntVar(&o.ports.AWS, "aws-port", 0, "Port of the AWS endpoint (0: a free one)")
	f.IntVar(&o.ports.Etcd, "etcd-port", 0, "Port of etcd (0: a free one)")
	f.DurationVar(&o.associationTime, "association-time", 5*time.Second, "How long an association stays InProgress at least")
	f.StringVar(&o.person, "person", state.ClusterAdmin, "Whose credentials `env` gives by default")
	f.StringVar(&o.tokenCommand, "token-command", "auto", "What answers 'aws eks get-token': aws, lab, or auto (aws if it is installed)")
	f.BoolVar(&o.fsync, "fsync", false, "Let etcd wait for the disk, as a real one does: for benchmarks")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "How long to wait until the lab is ready")
	f.BoolVar(&o.foreground, "foreground", false, "Stay in the foreground, and stop when standard input ends")
	return cmd
}

func (g *globals) up(cmd *cobra.Command, o upOptions) error {
	dir, err := g.dir()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	if running, err := g.alreadyUp(ctx, dir); running || err != nil {
		return err
	}
	config, err := configure(dir, o, cmd.Flags().Changed)
	if err != nil {
		return err
	}
	if err := config.Ports.CheckFree(); err != nil {
		return fmt.Errorf("%w (choose others with --port, --aws-port, --etcd-port, or: eks-lab down --purge --dir %s)", err, dir)
	}
	if o.foreground {
		return serveForeground(cmd.Context(), dir, g.stderr)
	}
	fmt.Fprintf(g.stderr, "Starting the lab in %s …\n", dir)
	died, err := spawn(dir)
	if err != nil {
		return err
	}
	s, err := waitReady(ctx, admin.NewClient(config), died)
	if err != nil {
		return fmt.Errorf("%w (see: eks-lab log --dir %s)", err, dir)
	}
	return g.next(dir, s)
}

// alreadyUp says whether the lab runs, after waiting until it is ready.
func (g *globals) alreadyUp(ctx context.Context, dir state.Dir) (bool, error) {
	config, err := state.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	client := admin.NewClient(config)
	if _, err := client.Status(ctx); errors.Is(err, admin.ErrNotRunning) {
		return false, nil
	}
	fmt.Fprintf(g.stderr, "The lab in %s is running already.\n", dir)
	s, err := waitReady(ctx, client, nil)
	if err != nil {
		return true, err
	}
	return true, g.next(dir, s)
}

// configure reads the folder's configuration, or makes one, with the changes
// that flags ask for.
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
		config = &state.Config{Kind: "eks-lab", People: state.NewPeople(), Service: state.NewCredentials(), Ports: o.ports}
	}
	if err := dir.Make(); err != nil {
		return nil, err
	}
	if fresh || changed("association-time") {
		config.AssociationTime = o.associationTime
	}
	if fresh || changed("person") {
		config.Person = o.person
	}
	if _, err := config.Find(config.Person); err != nil {
		return nil, err
	}
	if fresh || changed("fsync") {
		config.Fsync = o.fsync
	}
	if fresh || changed("token-command") {
		if config.TokenCommand, err = tokenCommand(dir, o.tokenCommand); err != nil {
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

// tokenCommand decides who answers `aws eks get-token`, and puts the lab's own
// answer into place.
func tokenCommand(dir state.Dir, choice string) (string, error) {
	if choice == "auto" {
		choice = "lab"
		if _, err := exec.LookPath("aws"); err == nil {
			choice = "aws"
		}
	}
	if choice != "aws" && choice != "lab" {
		return "", fmt.Errorf("--token-command must be auto, aws or lab, not %q", choice)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	link := filepath.Join(dir.Bin(), "aws")
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return choice, os.Symlink(self, link)
}

// spawn starts the daemon in a session of its own. died gets a value if it
// ends while this process still waits.
func spawn(dir state.Dir) (died <-chan error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(dir.Log("lab"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                          // the daemon has its own
	daemon := exec.Command(self, "serve", "--dir", string(dir)) //nolint:noctx // outlives this process
	daemon.Stdout, daemon.Stderr = log, log
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	daemon.Dir = string(dir)
	if err := daemon.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	return ended, nil
}
