package cmdutil

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Connect sets the AWS clients of the binding, which use the same credentials as kubectl in this context. Contexts
// whose credentials have the same source share them. Connect sets the region if only the AWS configuration names it,
// and finds the cluster if only the endpoint identifies it.
func (f *Factory) Connect(ctx context.Context, b *binding.Binding) error {
	if b.AWS != nil {
		return nil
	}
	timeout, err := f.RequestTimeout()
	if err != nil {
		return err
	}
	issuer := ""
	if b.IssuerOnly() {
		if issuer, err = b.Issuer(ctx); err != nil {
			return err
		}
	}
	c := b.Credentials
	o := awsclient.Options{
		Tool: c.Tool, Region: b.Region, Profile: c.Profile, RoleARN: c.RoleARN, ExternalID: f.AWS.ExternalID,
		EndpointURL: c.EndpointURL, Env: c.Env, Unset: c.Unset, RequestTimeout: timeout, Version: f.Version,
	}
	if o.ExternalID == "" && o.RoleARN == c.ExecRoleARN {
		o.ExternalID = c.ExternalID
	}
	if f.Interactive() {
		o.Prompt = f.Prompt
	}
	var clients *awsclient.Clients
	err = f.pass(ctx, func() (err error) {
		clients, err = f.pool.New(ctx, o)
		return err
	})
	if err != nil {
		return hintLauncher(err, c)
	}
	if f.gate != nil {
		clients = clients.WithGate(f.gate)
	}
	b.AWS = clients
	if b.Region == "" {
		b.Region = clients.Region()
		b.Partition = binding.PartitionOf(b.Region)
	}
	switch {
	case b.EndpointOnly():
		return f.findByEndpoint(ctx, b)
	case issuer != "":
		return f.findByIssuer(ctx, b, issuer)
	}
	return nil
}

// hintLauncher adds how to run this tool in the wrapper from which kubectl gets its credentials.
func hintLauncher(err error, c binding.Credentials) error {
	switch awsclient.KindOf(err) {
	case awsclient.KindNoCredentials, awsclient.KindExpiredCredentials, awsclient.KindConfig:
	default:
		return err
	}
	if c.Wrapper == "" {
		return err
	}
	err = fmt.Errorf("%w (kubectl gets its credentials through %s)", err, c.Wrapper)
	if c.Launcher == "" {
		return hint.Wrap(err, "run this command where %s provides credentials, or pass --profile", c.Wrapper)
	}
	return hint.Wrap(err, "%s kubectl eks-encrypt …", c.Launcher)
}
