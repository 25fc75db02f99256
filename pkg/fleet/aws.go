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
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// organizationAccounts returns the IDs of the active accounts of the caller's organization.
func organizationAccounts(ctx context.Context, clients *awsclient.Clients, _ string) ([]string, error) {
	var ids []string
	p := organizations.NewListAccountsPaginator(clients.Organizations(), &organizations.ListAccountsInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, awsclient.Explain(err, awsclient.Operation{
				Name: "ListAccounts", Action: "organizations:ListAccounts", Resource: "*",
			})
		}
		for _, a := range out.Accounts {
			if cmp.Or(string(a.State), string(a.Status), "ACTIVE") == "ACTIVE" {
				ids = append(ids, aws.ToString(a.Id))
			}
		}
	}
	return ids, nil
}

// enabledRegions returns the names of the regions that are enabled in the account of the clients, sorted.
func enabledRegions(ctx context.Context, clients *awsclient.Clients, _ string) ([]string, error) {
	var names []string
	p := account.NewListRegionsPaginator(clients.Account(), &account.ListRegionsInput{
		RegionOptStatusContains: []accounttypes.RegionOptStatus{
			accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault,
		},
	})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, awsclient.Explain(err, awsclient.Operation{
				Name: "ListRegions", Action: "account:ListRegions", Resource: "*",
			})
		}
		for _, r := range out.Regions {
			names = append(names, aws.ToString(r.RegionName))
		}
	}
	slices.Sort(names)
	return names, nil
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
