package cli

import (
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// globals are what all commands share.
type globals struct {
	dirFlag        string
	stdout, stderr io.Writer
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	g := &globals{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:   "eks-lab",
		Short: "A local EKS on 127.0.0.1, for tests and for trying",
		Long: `eks-lab runs a cluster as EKS runs it, on this machine and on 127.0.0.1 alone:
etcd, kube-apiserver and kube-controller-manager, KMS v2 encryption, and AWS
endpoints (EKS, KMS, STS) that unmodified AWS clients can talk to.

It is for tests and for trying things out. It holds no data worth keeping.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&g.dirFlag, "dir", "", "The lab's folder (default $EKS_LAB_DIR, or ~/.eks-lab)")
	root.AddCommand(
		newUp(g), newDown(g), newStatus(g), newEnv(g), newAssociate(g), newSeed(g), newScan(g),
		newFault(g), newLog(g), newFleet(g), newToken(g), newServe(g),
	)
	return root
}

// dir is the lab's folder, as an absolute path.
func (g *globals) dir() (state.Dir, error) {
	dir := g.dirFlag
	if dir == "" {
		dir = state.DefaultDir()
	}
	abs, err := filepath.Abs(dir)
	return state.Dir(abs), err
}

// lab reads the folder's configuration; the lab need not be running.
func (g *globals) lab() (state.Dir, *state.Config, error) {
	dir, err := g.dir()
	if err != nil {
		return "", nil, err
	}
	config, err := state.Load(dir)
	return dir, config, err
}

// daemon is a client of the lab, which must be running.
func (g *globals) daemon() (*admin.Client, error) {
	_, config, err := g.lab()
	if err != nil {
		return nil, err
	}
	return admin.NewClient(config), nil
}
