package cmdutil

import (
	"context"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Provenance returns what every report states about its origin. guard is nil for a report that does not concern one
// cluster.
func (f *Factory) Provenance(clients *awsclient.Clients, caller *v1alpha1.Caller,
	guard *v1alpha1.GuardResult) v1alpha1.Provenance {
	p := v1alpha1.Provenance{Tool: f.tool(), Caller: caller, Guard: guard}
	if clients != nil {
		p.EndpointOverrides = EndpointOverrides(clients)
	}
	return p
}

func (f *Factory) tool() *v1alpha1.ToolVersion { return &v1alpha1.ToolVersion{Version: f.Version} }

// Caller returns the principal of the binding's clients, and where its credentials come from.
func Caller(ctx context.Context, b *binding.Binding) (v1alpha1.Caller, error) {
	account, arn, err := b.AWS.Caller(ctx)
	if err != nil {
		return v1alpha1.Caller{}, err
	}
	return v1alpha1.Caller{
		ARN: arn, Account: account, Source: b.AWS.CredentialSource(), Wrapper: b.Credentials.Wrapper,
	}, nil
}

// EndpointOverrides lists the endpoints of EKS, KMS and further services that replace those of AWS. Their URLs have no
// password.
func EndpointOverrides(clients *awsclient.Clients, services ...string) []v1alpha1.EndpointOverride {
	var all []v1alpha1.EndpointOverride
	for _, e := range clients.Endpoints(services...) {
		all = append(all, v1alpha1.EndpointOverride{Service: e.Service, URL: sanitize.URLs(e.URL), Source: e.Source})
	}
	return all
}
