package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// organizationAccounts are the active accounts of the caller's organization.
func organizationAccounts(ctx context.Context, clients *awsclient.Clients, partition string) ([]string, error) {
	type page struct {
		Accounts []struct {
			ID     string `json:"Id"`
			Status string
			State  string
		}
		NextToken string
	}
	var ids []string
	for token := ""; ; {
		in, out := map[string]any{}, page{}
		if token != "" {
			in["NextToken"] = token
		}
		call := awsclient.JSONCall{Service: "organizations", Path: "/", Target: "AWSOrganizationsV20161128.ListAccounts"}
		if err := clients.Call(ctx, partition, call, in, &out); err != nil {
			return nil, awsclient.Explain(err, awsclient.Operation{Name: "ListAccounts", Action: "organizations:ListAccounts", Resource: "*"})
		}
		for _, a := range out.Accounts {
			if cmp.Or(a.State, a.Status, "ACTIVE") == "ACTIVE" {
				ids = append(ids, a.ID)
			}
		}
		if token = out.NextToken; token == "" {
			return ids, nil
		}
	}
}

// enabledRegions are the regions that the account of the clients can use.
func enabledRegions(ctx context.Context, clients *awsclient.Clients, partition string) ([]string, error) {
	type page struct {
		Regions   []struct{ RegionName string }
		NextToken string
	}
	var names []string
	for token := ""; ; {
		in, out := map[string]any{"RegionOptStatusContains": []string{"ENABLED", "ENABLED_BY_DEFAULT"}}, page{}
		if token != "" {
			in["NextToken"] = token
		}
		call := awsclient.JSONCall{Service: "account", Path: "/listRegions"}
		if err := clients.Call(ctx, partition, call, in, &out); err != nil {
			return nil, awsclient.Explain(err, awsclient.Operation{Name: "ListRegions", Action: "account:ListRegions", Resource: "*"})
		}
		for _, r := range out.Regions {
			names = append(names, r.RegionName)
		}
		if token = out.NextToken; token == "" {
			slices.Sort(names)
			return names, nil
		}
	}
}

// clusterNames calls page for each page of cluster names, so that work can start before
// the last page. The names include clusters that EKS Connector registered.
func clusterNames(ctx context.Context, clients *awsclient.Clients, page func([]string)) error {
	p := eks.NewListClustersPaginator(clients.EKS(),
		&eks.ListClustersInput{Include: []string{"all"}, MaxResults: aws.Int32(100)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return awsclient.Explain(err,
				awsclient.Operation{Name: "ListClusters", Action: "eks:ListClusters", Resource: "*"})
		}
		page(out.Clusters)
	}
	return nil
}

// keyReader reads keys in one account and region. It lists the aliases only once, for all
// keys together.
type keyReader struct {
	kms.Reader
	account string

	once    sync.Once
	aliases map[string][]string // by key id
	err     error
}

var _ kms.Reader = (*keyReader)(nil)

// ListAliases returns the aliases of one key, or none if another account owns the key: KMS
// does not list those.
func (r *keyReader) ListAliases(
	ctx context.Context, in *awskms.ListAliasesInput, _ ...func(*awskms.Options),
) (*awskms.ListAliasesOutput, error) {
	key, err := arn.Parse(aws.ToString(in.KeyId))
	if err != nil {
		return nil, fmt.Errorf("listing the aliases of key %q: %w", aws.ToString(in.KeyId), err)
	}
	out := &awskms.ListAliasesOutput{}
	if key.AccountID != r.account {
		return out, nil
	}
	r.once.Do(func() { r.aliases, r.err = kms.Aliases(ctx, r.Reader) })
	if r.err != nil {
		return nil, r.err
	}
	for _, name := range r.aliases[strings.TrimPrefix(key.Resource, "key/")] {
		out.Aliases = append(out.Aliases, kmstypes.AliasListEntry{AliasName: &name})
	}
	return out, nil
}
