package cmd

import (
	"fmt"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/balancer"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Limits of the flags of the control plane.
const (
	maxServers      = 9
	maxGoawayChance = 0.02 // the API server's own limit
	minQuota        = 16 << 20
	maxQuota        = 8 << 30
)

// bindPlane adds the flags of the control plane.
func (o *upOptions) bindPlane(f *pflag.FlagSet) {
	f.IntVar(&o.plane.Servers, "api-servers", 1, "Number of API servers on the same etcd")
	f.StringVar(&o.plane.Balance, "balance", balancer.Random,
		"How the balancer chooses the API server for a connection: random, round-robin or first")
	f.BoolVar(&o.plane.HotReload, "hot-reload", true,
		"On an association, the API servers load the new encryption configuration while they run. "+
			"If false, they are replaced one after the other, as on EKS (the default with several API servers)")
	f.Float64Var(&o.plane.GoawayChance, "goaway-chance", 0,
		"Share of the HTTP/2 requests, 0 to 0.02, after which the API server makes the client connect again")
	f.StringVar(&o.plane.Version, "kubernetes-version", state.Version,
		"Version of the API servers; another one than "+state.Version+" must have been built: make lab-version VERSION=…")
	f.BoolVar(&o.plane.OpaqueKeyID, "opaque-key-id", false,
		"The KMS plugins give the API servers an id of the key that is not its ARN")
	f.StringVar(&o.etcdQuota, "etcd-quota", "8GiB", "Size at which etcd refuses writes, such as 64MiB")
	f.DurationVar(&o.plane.CompactionInterval, "compaction-interval", 5*time.Minute,
		"Time between two compactions of etcd's history")
}

// configurePlane applies the flags of the control plane.
func (o *upOptions) configurePlane(plane *state.ControlPlane, fresh bool, changed func(string) bool) error {
	if err := o.validatePlane(); err != nil {
		return err
	}
	if fresh {
		plane.Version = o.plane.Version
	}
	if plane.Version != o.plane.Version && changed("kubernetes-version") {
		return fmt.Errorf("the lab has Kubernetes %s, which cannot be changed: use another folder", plane.Version)
	}
	if !changed("hot-reload") {
		o.plane.HotReload = o.plane.Servers == 1
	}
	for flag, set := range map[string]func(){
		"api-servers":         func() { plane.Servers, plane.HotReload = o.plane.Servers, o.plane.HotReload },
		"hot-reload":          func() { plane.HotReload = o.plane.HotReload },
		"balance":             func() { plane.Balance = o.plane.Balance },
		"goaway-chance":       func() { plane.GoawayChance = o.plane.GoawayChance },
		"opaque-key-id":       func() { plane.OpaqueKeyID = o.plane.OpaqueKeyID },
		"etcd-quota":          func() { plane.EtcdQuota = o.plane.EtcdQuota },
		"compaction-interval": func() { plane.CompactionInterval = o.plane.CompactionInterval },
	} {
		if fresh || changed(flag) {
			set()
		}
	}
	return nil
}

func (o *upOptions) validatePlane() error {
	p := &o.plane
	if _, err := balancer.NewPolicy(p.Balance); err != nil {
		return fmt.Errorf("--balance: %w", err)
	}
	if p.Servers < 1 || p.Servers > maxServers {
		return fmt.Errorf("--api-servers must be 1 to %d, not %d", maxServers, p.Servers)
	}
	if p.GoawayChance < 0 || p.GoawayChance > maxGoawayChance {
		return fmt.Errorf("--goaway-chance must be 0 to %g, not %g", maxGoawayChance, p.GoawayChance)
	}
	if p.CompactionInterval < time.Second {
		return fmt.Errorf("--compaction-interval must be at least 1s, not %s", p.CompactionInterval)
	}
	if p.Version != state.Version {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		if _, err := os.Stat(controlplane.Binary(self, p.Version)); err != nil {
			return fmt.Errorf("no API server of Kubernetes %s (build it with: make lab-version VERSION=%[1]s): %w",
				p.Version, err)
		}
	}
	quota, err := humanize.ParseBytes(o.etcdQuota)
	if err != nil || quota < minQuota || quota > maxQuota {
		return fmt.Errorf("--etcd-quota must be a size from 16MiB to 8GiB, not %q", o.etcdQuota)
	}
	p.EtcdQuota = int64(quota)
	return nil
}
