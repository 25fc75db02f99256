package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

type upOptions struct {
	ports           state.Ports
	associationTime time.Duration
	defaultUser     string
	tokenCommand    string
	fsync           bool
	plane           state.ControlPlane
	etcdQuota       string
	timeout         time.Duration
	foreground      bool
}

func newUp(g *globals) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use: "up", Short: "Start the lab unless it is already running",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.up(cmd, o) },
	}
	f := cmd.Flags()
	f.IntVar(&o.ports.APIServer, "port", 0, "Port of the API server (0: a free one)")
	f.IntVar(&o.ports.AWS, "aws-port", 0, "Port of the AWS endpoint (0: a free one)")
	f.IntVar(&o.ports.Etcd, "etcd-port", 0, "Port of etcd (0: a free one)")
	f.DurationVar(&o.associationTime, "association-time", 5*time.Second,
		"Minimum time that an association stays InProgress")
	f.StringVar(&o.defaultUser, "person", state.ClusterAdmin, "Default user of the commands env and token")
	f.StringVar(&o.tokenCommand, "token-command", "auto",
		"Program that runs as 'aws eks get-token': aws, lab, or auto (aws if it is installed)")
	f.BoolVar(&o.fsync, "fsync", false, "Make etcd flush each write to disk, as in production; for benchmarks")
	o.bindPlane(f)
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "How long to wait until the lab is ready")
	f.BoolVar(&o.foreground, "foreground", false, "Stay in the foreground and stop at the end of standard input")
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
		return fmt.Errorf("%w (choose other ports with --port, --aws-port and --etcd-port, or run: "+
			"eks-lab down --purge --dir %s)", err, dir)
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
	return g.printNextSteps(dir, s)
}

// alreadyUp reports whether the lab is running. If so, it waits until the lab is
// ready.
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
	fmt.Fprintf(g.stderr, "The lab in %s is already running.\n", dir)
	s, err := waitReady(ctx, client, nil)
	if err != nil {
		return true, err
	}
	return true, g.printNextSteps(dir, s)
}

// spawn starts the daemon in its own session. If the daemon ends while this
// process is waiting, died receives its exit error.
func spawn(dir state.Dir) (died <-chan error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(dir.Log("lab"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()                          // the daemon has its own descriptor
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
