package cmdutil

import (
	"context"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Provenance returns what every report states about its origin. guard is nil for a report that does not concern one
// cluster.
func (f *Factory) Provenance(clients *awsclient.Clients, caller *v1alpha1.Caller,
	guard *v1alpha1.GuardResult) v1alpha1.Provenance {
	p := v1alpha1.Provenance{Tool: f.tool(), Caller: caller, Guard: guard}
	if clients != nil {
		p.EndpointOverrides = endpointOverrides(clients)
	}
	return p
}

func (f *Factory) tool() *v1alpha1.ToolVersion { return &v1alpha1.ToolVersion{Version: f.Version} }

// Caller returns the principal of the clients, and where its credentials come from.
func Caller(ctx context.Context, clients *awsclient.Clients) (v1alpha1.Caller, error) {
	account, arn, err := clients.Caller(ctx)
	if err != nil {
		return v1alpha1.Caller{}, err
	}
	return v1alpha1.Caller{ARN: arn, Account: account, Source: credentialsSource(ctx, clients)}, nil
}

// credentialsSource returns where the credentials come from, or "" if this is unknown. They were retrieved before.
func credentialsSource(ctx context.Context, clients *awsclient.Clients) string {
	credentials, err := clients.Config().Credentials.Retrieve(ctx)
	if err != nil {
		return ""
	}
	name, detail, _ := strings.Cut(credentials.Source, ": ")
	switch name {
	case "EnvConfigCredentials", "StaticCredentials":
		return "access keys of the environment"
	case "SharedConfigCredentials":
		return strings.TrimSpace("access keys of a profile " + detail)
	case "AssumeRoleProvider":
		return "an assumed role"
	case "WebIdentityCredentials":
		return "a web identity token"
	case "SSOProvider":
		return "an SSO session"
	case "ProcessProvider":
		return "a credential process"
	case "EC2RoleProvider":
		return "the instance metadata of EC2"
	case "CredentialsEndpointProvider":
		return "the container credentials"
	}
	return name
}

func endpointOverrides(clients *awsclient.Clients) []v1alpha1.EndpointOverride {
	var all []v1alpha1.EndpointOverride
	for _, e := range clients.Endpoints() {
		all = append(all, v1alpha1.EndpointOverride{Service: e.Service, URL: sanitize.URL(e.URL), Source: e.Source})
	}
	return all
}
