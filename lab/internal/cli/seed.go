package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/etcdclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/seed"
)

func newSeed(g *globals) *cobra.Command {
	var o seed.Options
	var plain bool
	cmd := &cobra.Command{
		Use: "seed", Short: "Create secrets and config maps, fast", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Secrets < 0 || o.ConfigMaps < 0 || o.Size < 1 || o.Size > 1_000_000 || o.Namespaces < 1 {
				return fmt.Errorf("--secrets and --configmaps must be 0 or more, --namespaces 1 or more, --size 1 to 1000000")
			}
			return g.seed(cmd, o, plain)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Secrets, "secrets", 0, "How many secrets")
	f.IntVar(&o.ConfigMaps, "configmaps", 0, "How many config maps")
	f.IntVar(&o.Size, "size", 1024, "Bytes of data in each")
	f.IntVar(&o.Namespaces, "namespaces", 1, "Over how many namespaces they are spread")
	f.StringVar(&o.Prefix, "prefix", "seed", "What the namespaces' names begin with")
	f.BoolVar(&plain, "plain", false, "Write them unencrypted, straight into etcd")
	return cmd
}

func (g *globals) seed(cmd *cobra.Command, o seed.Options, plain bool) error {
	dir, config, err := g.lab()
	if err != nil {
		return err
	}
	began := time.Now()
	api := o
	if plain {
		api.Secrets, api.ConfigMaps = 0, 0 // the namespaces only
	}
	result, err := seed.API(cmd.Context(), pki.Folder(dir.PKI()).REST(config.Ports.APIServerURL(), pki.Operator), api)
	if err != nil {
		return err
	}
	if plain {
		etcd, err := etcdclient.New(dir, config)
		if err != nil {
			return err
		}
		defer func() { _ = etcd.Close() }() // nothing left to lose
		if result, err = seed.Plain(cmd.Context(), etcd, o); err != nil {
			return err
		}
	}
	fmt.Fprintf(g.stderr, "Created %d objects of %d bytes in %d namespaces in %.1f s (%d were there already).\n",
		result.Created, o.Size, o.Namespaces, time.Since(began).Seconds(), result.Existed)
	return nil
}
