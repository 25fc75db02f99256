package cmdutil

import (
	"context"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// findTimeout bounds the search for a cluster.
const findTimeout = 30 * time.Second

// findByEndpoint finds the cluster with the endpoint that kubectl connects to.
func (f *Factory) findByEndpoint(ctx context.Context, b *binding.Binding) error {
	endpoint, _ := binding.ParseEndpoint(b.Server)
	return f.find(ctx, b, "the kubeconfig contains the endpoint of the cluster but not its name",
		eks.ByEndpoint(endpoint.Host))
}

// findByIssuer finds the cluster with the OIDC issuer of the API server to which this pod connects.
func (f *Factory) findByIssuer(ctx context.Context, b *binding.Binding, issuer string) error {
	return f.find(ctx, b, "only the OIDC issuer identifies the cluster of this pod", eks.ByIssuer(issuer))
}

// find sets the cluster of the binding to the one that EKS describes so. why is the reason for the search.
func (f *Factory) find(ctx context.Context, b *binding.Binding, why string, by eks.Criterion) error {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	progress := output.NewProgress(f.ErrOut)
	defer progress.End()
	found, err := eks.New(b.AWS.EKS()).Find(ctx, by, func(done, total int) {
		progress.Show(fmt.Sprintf("looking for the cluster with %s: %d of %d described", by, done, total))
	})
	if err != nil {
		next := "pass --cluster-name"
		if awsclient.KindOf(err) == awsclient.KindAccessDenied {
			next += ", or allow eks:ListClusters and eks:DescribeCluster"
		}
		return hint.Wrap(fmt.Errorf("%s: %w", why, err), "%s", next)
	}
	return b.Found(found.ARN)
}
