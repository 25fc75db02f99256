package cli

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
		Use: "down", Short: "Stop the lab; with --purge, remove its folder too", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.down(cmd.Context(), purge) },
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "Remove the lab's folder, and all that the cluster holds")
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
	return os.RemoveAll(config.Run) // elsewhere if the folder's path is long
}

// stop orders the lab down, if it runs, and waits until all of it has gone.
func stop(ctx context.Context, dir state.Dir, config *state.Config) error {
	err := admin.NewClient(config).Stop(ctx)
	if err != nil && !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		free, err := unlocked(dir)
		if free || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the lab in %s does not stop: %w", dir, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unlocked says whether no daemon serves the folder.
func unlocked(dir state.Dir) (bool, error) {
	f, err := os.Open(dir.LockFile())
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // lets go of the lock, too
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
