package cmd

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/daemon"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// newServe returns the command that runs the daemon; `up` starts it.
func newServe(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.dir()
			if err != nil {
				return err
			}
			return daemon.Run(cmd.Context(), dir, newLogger(g.stderr))
		},
	}
}

// serveForeground runs the daemon in this process. It stops at the end of standard
// input, so that a lab never outlives the test that started it.
func serveForeground(ctx context.Context, dir state.Dir, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return daemon.Run(ctx, dir, newLogger(stderr))
}

func newLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
