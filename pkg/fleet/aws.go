package fleet

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// organizationAccounts returns the IDs of the active accounts of the caller's organization.
func organizationAccounts(ctx context.Context, clients *awsclient.Clients) ([]string, error) {
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

// enabledRegions returns the names of the regions that are enabled in the account of
// the clients, sorted.
func enabledRegions(ctx context.Context, clients *awsclient.Clients) ([]string, error) {
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
