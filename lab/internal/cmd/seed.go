package cmd

import (
	"errors"
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
		Use: "seed", Short: "Quickly create many secrets and config maps", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Secrets < 0 || o.ConfigMaps < 0 || o.Size < 1 || o.Size > 1_000_000 || o.Namespaces < 1 {
				return errors.New(
					"--secrets and --configmaps must be at least 0, --namespaces at least 1, --size 1 to 1000000")
			}
			return g.seed(cmd, o, plain)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Secrets, "secrets", 0, "Number of secrets")
	f.IntVar(&o.ConfigMaps, "configmaps", 0, "Number of config maps")
	f.IntVar(&o.Size, "size", 1024, "Bytes of data in each object")
	f.IntVar(&o.Namespaces, "namespaces", 1, "Number of namespaces that the objects are spread over")
	f.StringVar(&o.Prefix, "prefix", "seed", "Prefix of the names of the namespaces")
	f.BoolVar(&plain, "plain", false, "Write the objects unencrypted and directly into etcd")
	return cmd
}

// seed creates the objects and prints how many are new.
func (g *globals) seed(cmd *cobra.Command, o seed.Options, plain bool) error {
	dir, config, err := g.lab()
	if err != nil {
		return err
	}
	began := time.Now()
	api := o
	if plain {
		api.Secrets, api.ConfigMaps = 0, 0 // create only the namespaces
	}
	rest := pki.Folder(dir.PKI()).REST(config.Ports.APIServerURL(), pki.Operator)
	result, err := seed.API(cmd.Context(), rest, api)
	if err != nil {
		return err
	}
	if plain {
		etcd, err := etcdclient.New(dir, config)
		if err != nil {
			return err
		}
		defer func() { _ = etcd.Close() }() // all writes are done
		if result, err = seed.Plain(cmd.Context(), etcd, o); err != nil {
			return err
		}
	}
	fmt.Fprintf(g.stderr, "Created %d objects of %d bytes in %d namespaces in %.1f s (%d already existed).\n",
		result.Created, o.Size, o.Namespaces, time.Since(began).Seconds(), result.Existed)
	return nil
}
