package cmdutil

import (
	"context"
	"fmt"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Connect returns the AWS clients that use the same credentials as kubectl in this context. Contexts whose credentials
// have the same source share them. Connect sets t.Region if only the AWS configuration names the region.
func (f *Factory) Connect(ctx context.Context, t *binding.Target) (*awsclient.Clients, error) {
	timeout, err := f.RequestTimeout()
	if err != nil {
		return nil, err
	}
	c := t.Credentials
	o := awsclient.Options{
		Tool: c.Tool, Region: t.Region, Profile: c.Profile, RoleARN: c.RoleARN, ExternalID: f.AWS.ExternalID,
		EndpointURL: c.EndpointURL, Env: c.Env, Unset: c.Unset, RequestTimeout: timeout, Version: f.Version,
	}
	if o.ExternalID == "" && o.RoleARN == c.ExecRoleARN {
		o.ExternalID = c.ExternalID
	}
	if f.Interactive() {
		o.Prompt = f.Prompt
	}
	clients, err := f.pool.New(ctx, o)
	if err != nil {
		return nil, hintLauncher(err, c)
	}
	if t.Region == "" {
		t.Region = clients.Region()
		t.Partition = binding.PartitionOf(t.Region)
	}
	return clients, nil
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

// explainAccount adds to an error of EKS what the principal has to do with it: it belongs to another account than the
// cluster, its account has not enabled the region, or kubectl uses a role.
func explainAccount(ctx context.Context, err error, t *binding.Target, clients *awsclient.Clients) error {
	err = clients.ExplainRegion(ctx, err)
	kind := awsclient.KindOf(err)
	if kind != awsclient.KindAccessDenied && kind != awsclient.KindNotFound || t.Credentials.RoleARN != "" {
		return err
	}
	role := t.Credentials.ExecRoleARN
	account := t.Account
	if parsed, parseErr := awsarn.Parse(role); parseErr == nil && account == "" {
		account = parsed.AccountID
	}
	callerAccount, caller, callErr := clients.Caller(ctx)
	if callErr == nil && account != "" && account != callerAccount {
		err = fmt.Errorf("%w (the cluster is in account %s, the caller %s is in account %s)", err, account, caller,
			callerAccount)
		if role == "" {
			return hint.Wrap(err, "use credentials of account %s: pass --profile, or --role-arn with a role of it", account)
		}
	}
	if role == "" {
		return err
	}
	return hint.Wrap(err, "kubectl signs its token as %s; to call AWS as that role, pass --role-arn %s", role, role)
}
