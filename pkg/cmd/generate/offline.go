package generate

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// place is a cluster as far as a policy needs it.
type place struct {
	kms.Place // Account is that of the cluster
	Name      string
}

// arn returns the ARN of the cluster.
func (p place) arn() string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", p.Partition, p.Region, p.Account, p.Name)
}

// anyKeyARN is the pattern for all keys of the cluster's account and region.
func (p place) anyKeyARN() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/*", p.Partition, p.Region, p.Account)
}

// named returns the cluster that the kubeconfig and the flags name in full, without asking AWS. ok is false if they do
// not.
func named(f *cmdutil.Factory) (p place, ok bool) {
	b, err := f.Bind("")
	p = place{kms.Place{Partition: b.Partition, Region: b.Region, Account: b.Account}, b.Name}
	return p, err == nil && p.Partition != "" && p.Region != "" && p.Account != "" && p.Name != ""
}

// locate returns the cluster from the kubeconfig or, if that does not name it in full, from AWS. A note names what was
// not verified.
func locate(ctx context.Context, f *cmdutil.Factory) (place, error) {
	if p, ok := named(f); ok {
		note(f, "the kubeconfig names cluster %s; it was not verified with AWS", p.arn())
		return p, nil
	}
	c, err := inspect(ctx, f)
	if err != nil {
		return place{}, err
	}
	cluster := c.Report.Cluster
	at := kms.Place{Partition: cluster.Partition, Region: cluster.Region, Account: cluster.Account}
	return place{at, cluster.Name}, nil
}

// keyARN returns the ARN of a key. It calls AWS only for an alias or a key ID.
func (p place) keyARN(ctx context.Context, f *cmdutil.Factory, key string) (string, error) {
	ref, err := kms.ParseRef(key)
	switch {
	case err != nil:
		return "", err
	case ref.Account != "" && ref.Alias == "":
		if err := ref.RegionError(p.Place); err != nil {
			return "", cmdutil.UsageErrorf("key %s can't be used: %w", key, err)
		}
		note(f, "it was not verified with AWS that key %s exists and that a cluster can use it", key)
		return key, nil
	}
	at, err := f.Location(ctx)
	if err != nil {
		return "", err
	}
	k, err := kms.Resolve(ctx, at.Clients.KMS(p.Region), key, p.Place)
	return k.ARN, err
}

// isKeyARN reports whether KEY is the full ARN of a key.
func isKeyARN(key string) bool {
	ref, err := kms.ParseRef(key)
	return err == nil && ref.Account != "" && ref.Alias == ""
}

func note(f *cmdutil.Factory, format string, args ...any) {
	fmt.Fprintln(f.ErrOut, "note: "+fmt.Sprintf(format, args...))
}
