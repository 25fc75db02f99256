package cmdutil

import (
	"cmp"
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// Caller returns the principal that calls AWS for a target.
func Caller(ctx context.Context, t binding.Target, clients *awsclient.Clients) (v1alpha1.Caller, error) {
	account, callerARN, err := clients.Caller(ctx)
	if err != nil {
		return v1alpha1.Caller{}, err
	}
	caller := v1alpha1.Caller{ARN: callerARN, Account: account, Wrapper: t.Credentials.Wrapper}
	if credentials, err := clients.Config().Credentials.Retrieve(ctx); err == nil {
		caller.Source = credentialSource(credentials.Source, t.Credentials)
	}
	return caller, nil
}

// credentialSource describes where credentials come from. provider is the name of the SDK's
// provider.
func credentialSource(provider string, c binding.Credentials) string {
	profile := cmp.Or(c.Profile, c.Env["AWS_PROFILE"], os.Getenv("AWS_PROFILE"), "default")
	kind, detail, _ := strings.Cut(provider, ": ")
	switch kind {
	case "EnvConfigCredentials":
		return "environment variables"
	case "SharedConfigCredentials":
		return "profile " + profile + " in " + detail
	case "SSOProvider":
		return "profile " + profile + ", IAM Identity Center"
	case "ProcessProvider":
		return "profile " + profile + ", credential_process"
	case "AssumeRoleProvider":
		if c.RoleARN != "" {
			return "role " + c.RoleARN + " (--role-arn)"
		}
		return "profile " + profile + ", an assumed role"
	case "WebIdentityCredentials":
		return "a web identity token"
	case "CredentialsEndpointProvider":
		return "the container's credentials endpoint"
	case "EC2RoleProvider":
		return "the instance metadata of EC2"
	}
	return provider
}

// EndpointOverrides lists the endpoints that replace those of AWS.
func EndpointOverrides(clients *awsclient.Clients) (overrides []v1alpha1.EndpointOverride) {
	for _, e := range clients.Endpoints() {
		overrides = append(overrides, v1alpha1.EndpointOverride{Service: e.Service, URL: redacted(e.URL), Source: e.Source})
	}
	return overrides
}

// redacted returns the URL without user name and password.
func redacted(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return "(not a valid URL)"
	case u.User == nil:
		return text
	}
	u.User = url.User("REDACTED")
	return u.String()
}
