package fleet

import (
	"maps"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// scope returns the union of the scopes. The places and the filtered clusters that Merge computes are not in it, and it
// has only filters that all reports have.
func (m *merger) scope() v1alpha1.AuditScope {
	out := v1alpha1.AuditScope{
		AccountNames: map[string]string{}, AllRegions: true, RoleName: m.given[0].Scope.RoleName, Filters: m.filters(),
	}
	for _, r := range m.given {
		s := &r.Scope
		out.Contexts = append(out.Contexts, missing(s.Contexts, out.Contexts)...)
		out.Regions = slices.Concat(out.Regions, s.Regions)
		out.Accounts = slices.Concat(out.Accounts, s.Accounts)
		out.FilteredOut = slices.Concat(out.FilteredOut, s.FilteredOut)
		out.OrganizationalUnits = append(out.OrganizationalUnits, missing(s.OrganizationalUnits, out.OrganizationalUnits)...)
		out.ExcludedRegions = append(out.ExcludedRegions, missing(s.ExcludedRegions, out.ExcludedRegions)...)
		out.ExcludedAccounts = append(out.ExcludedAccounts, missing(s.ExcludedAccounts, out.ExcludedAccounts)...)
		out.Organization = out.Organization || s.Organization
		out.AllRegions = out.AllRegions && s.AllRegions
		if s.RoleName != out.RoleName {
			out.RoleName = ""
		}
	}
	for _, r := range m.reports { // the latest name counts
		maps.Copy(out.AccountNames, r.Scope.AccountNames)
	}
	for _, list := range []*[]string{&out.Regions, &out.Accounts, &out.FilteredOut} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	if m.gap = m.missing(len(out.Accounts)); len(m.gap) > 0 && len(m.given) == 1 {
		out.Shard = m.given[0].Scope.Shard
	}
	return out
}
