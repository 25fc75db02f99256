package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

func newDown(g *globals) *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use: "down", Short: "Stop the lab; with --purge, also remove its folder", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.down(cmd.Context(), purge) },
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "Remove the lab's folder with all data of the cluster")
	return cmd
}

func (g *globals) down(ctx context.Context, purge bool) error {
	dir, config, err := g.lab()
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(g.stderr, "No lab in %s.\n", dir)
		return nil
	}
	if err != nil {
		return err
	}
	if err := stop(ctx, dir, config); err != nil {
		return err
	}
	if !purge {
		fmt.Fprintf(g.stderr, "The lab in %s is stopped; its state is kept.\n", dir)
		return nil
	}
	if err := dir.Purge(); err != nil {
		return err
	}
	fmt.Fprintf(g.stderr, "The lab in %s is stopped and removed.\n", dir)
	return os.RemoveAll(config.Run) // not in the lab's folder if its path is long
}

// stop stops the lab if it is running, and waits until its daemon has ended.
func stop(ctx context.Context, dir state.Dir, config *state.Config) error {
	err := admin.NewClient(config).Stop(ctx)
	if err != nil && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		running, err := locked(dir)
		if !running || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the lab in %s to stop: %w", dir, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// locked reports whether a daemon is using the folder.
func locked(dir state.Dir) (bool, error) {
	f, err := os.Open(dir.LockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // also releases the lock
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
