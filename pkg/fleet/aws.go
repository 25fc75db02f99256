package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	accounttypes "github.com/aws/aws-sdk-go-v2/service/account/types"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	organizationstypes "github.com/aws/aws-sdk-go-v2/service/organizations/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// namedAccount is an account with its name in the organization, if that is known.
type namedAccount struct{ id, name string }

// organizationAccounts returns the active accounts of the caller's organization.
func organizationAccounts(ctx context.Context, clients *awsclient.Clients) ([]namedAccount, error) {
	var accounts []namedAccount
	p := organizations.NewListAccountsPaginator(clients.Organizations(), &organizations.ListAccountsInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, explainOrganizations(err, "ListAccounts", "*")
		}
		accounts = append(accounts, active(out.Accounts)...)
	}
	return accounts, nil
}

// unitAccounts returns the active accounts of the organizational units and of the units below them.
func unitAccounts(ctx context.Context, clients *awsclient.Clients, units []string) ([]namedAccount, error) {
	api := clients.Organizations()
	var accounts []namedAccount
	seen := map[string]bool{}
	for len(units) > 0 {
		unit := units[0]
		units = units[1:]
		if seen[unit] {
			continue
		}
		seen[unit] = true
		in := organizations.NewListAccountsForParentPaginator(api,
			&organizations.ListAccountsForParentInput{ParentId: &unit})
		for in.HasMorePages() {
			out, err := in.NextPage(ctx)
			if err != nil {
				return nil, explainOrganizations(err, "ListAccountsForParent", unit)
			}
			accounts = append(accounts, active(out.Accounts)...)
		}
		below := organizations.NewListChildrenPaginator(api, &organizations.ListChildrenInput{
			ParentId: &unit, ChildType: organizationstypes.ChildTypeOrganizationalUnit,
		})
		for below.HasMorePages() {
			out, err := below.NextPage(ctx)
			if err != nil {
				return nil, explainOrganizations(err, "ListChildren", unit)
			}
			for _, child := range out.Children {
				units = append(units, aws.ToString(child.Id))
			}
		}
	}
	return accounts, nil
}

func explainOrganizations(err error, operation, resource string) error {
	return awsclient.Explain(err, awsclient.Operation{
		Name: operation, Action: "organizations:" + operation, Resource: resource,
	})
}

// active returns the accounts that are neither suspended nor being closed.
func active(all []organizationstypes.Account) []namedAccount {
	var accounts []namedAccount
	for _, a := range all {
		if cmp.Or(string(a.State), string(a.Status), "ACTIVE") == "ACTIVE" {
			accounts = append(accounts, namedAccount{aws.ToString(a.Id), aws.ToString(a.Name)})
		}
	}
	return accounts
}

// listRegions returns the names of the regions that are enabled in the account of the
// clients, sorted, and the status of each other region.
func listRegions(
	ctx context.Context, clients *awsclient.Clients,
) (enabled []string, others map[string]string, err error) {
	others = map[string]string{}
	p := account.NewListRegionsPaginator(clients.Account(), &account.ListRegionsInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, nil, awsclient.Explain(err, awsclient.Operation{
				Name: "ListRegions", Action: "account:ListRegions", Resource: "*",
			})
		}
		for _, r := range out.Regions {
			switch name := aws.ToString(r.RegionName); r.RegionOptStatus {
			case accounttypes.RegionOptStatusEnabled, accounttypes.RegionOptStatusEnabledByDefault:
				enabled = append(enabled, name)
			default:
				others[name] = string(r.RegionOptStatus)
			}
		}
	}
	slices.Sort(enabled)
	return enabled, others, nil
}

// disabledNotes names the regions that are not enabled, with the number of accounts. Clusters in a region that was
// disabled continue to run there.
func disabledNotes(accounts map[string]int) []string {
	if len(accounts) == 0 {
		return nil
	}
	var regions []string
	for _, region := range slices.Sorted(maps.Keys(accounts)) {
		regions = append(regions, fmt.Sprintf("%s in %d", region, accounts[region]))
	}
	return []string{disabledNote + strings.Join(regions, ", ")}
}

const disabledNote = "--regions all leaves out the regions that an account has not enabled, and clusters in a region " +
	"that was disabled still exist; accounts by region: "

// parseDisabledNote is the inverse of disabledNotes.
func parseDisabledNote(note string) (accounts map[string]int, ok bool) {
	text, ok := strings.CutPrefix(note, disabledNote)
	if !ok {
		return nil, false
	}
	accounts = map[string]int{}
	for part := range strings.SplitSeq(text, ", ") {
		region, number, ok := strings.Cut(part, " in ")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, false
		}
		accounts[region] = n
	}
	return accounts, true
}

// listRegions lists the regions of one account. Its breaker counts the calls as those to the caller's region.
func (g *gatherer) listRegions(a *accountClients) (enabled []string, others map[string]string, err error) {
	region := g.Clients.Region()
	stopped := g.breakers.run(g.work, endpoint{serviceAccount, region}, func(ctx context.Context) bool {
		enabled, others, err = listRegions(ctx, g.clientsFor(a, region).clients)
		return err == nil
	})
	if stopped != nil {
		return nil, nil, stopped
	}
	return enabled, others, err
}
