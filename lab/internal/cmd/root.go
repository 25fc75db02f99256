package cmd

import (
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// globals holds the global flags and the streams that all commands use.
type globals struct {
	dirFlag        string
	stdout, stderr io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	g := &globals{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:   "eks-lab",
		Short: "Run a local EKS cluster for tests and for trying things out",
		Long: `eks-lab runs a cluster like EKS on this machine, reachable only on 127.0.0.1:
etcd, kube-apiserver and kube-controller-manager, KMS v2 encryption, and AWS
endpoints (EKS, KMS, STS) that work with unmodified AWS clients.

It is for tests and for trying things out. Do not store important data in it.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&g.dirFlag, "dir", "", "The lab's folder (default $EKS_LAB_DIR, or ~/.eks-lab)")
	root.AddCommand(
		newUp(g), newDown(g), newStatus(g), newEnv(g), newAssociate(g), newDisassociate(g), newSeed(g),
		newScan(g), newServers(g), newFault(g), newLog(g), newFleet(g), newToken(g), newServe(g),
	)
	return root
}

// dir returns the absolute path of the lab's folder.
func (g *globals) dir() (state.Dir, error) {
	dir := g.dirFlag
	if dir == "" {
		dir = state.DefaultDir()
	}
	abs, err := filepath.Abs(dir)
	return state.Dir(abs), err
}

// lab returns the lab's folder and its configuration. The lab need not be running.
func (g *globals) lab() (state.Dir, *state.Config, error) {
	dir, err := g.dir()
	if err != nil {
		return "", nil, err
	}
	config, err := state.Load(dir)
	return dir, config, err
}

// daemon returns a client for the lab's daemon.
func (g *globals) daemon() (*admin.Client, error) {
	_, config, err := g.lab()
	if err != nil {
		return nil, err
	}
	return admin.NewClient(config), nil
}
