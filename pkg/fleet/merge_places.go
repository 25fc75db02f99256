package fleet

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// answered returns the places that answered. It leaves out a place that another report could not query, unless that
// report was certainly made before, and its filter selects no more clusters.
func (m *merger) answered() []v1alpha1.AccountRegions {
	places := map[accountRegion]bool{}
	for _, r := range m.reports {
		for place := range r.answered {
			if !slices.ContainsFunc(m.reports, func(other *mergedReport) bool {
				return other != r && other.couldNotQuery(place) && (!r.after(other) || !r.selectsAll(other, place))
			}) {
				places[place] = true
			}
		}
	}
	regions := map[string][]string{}
	for place := range places {
		regions[place.account] = append(regions[place.account], place.region)
	}
	var out []v1alpha1.AccountRegions
	for _, account := range slices.Sorted(maps.Keys(regions)) {
		slices.Sort(regions[account])
		out = append(out, v1alpha1.AccountRegions{Account: account, Regions: regions[account]})
	}
	return out
}

// couldNotQuery reports whether the place, or its whole account, is unreachable.
func (r *mergedReport) couldNotQuery(place accountRegion) bool {
	return slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		return covers(u, place.account, place.region)
	})
}

// unreachable returns the places that one report could not query and no later report queried, with all clusters that
// the earlier one selects. They have no waiver: the rules decide again which one covers them.
func (m *merger) unreachable() []v1alpha1.Unreachable {
	var out []v1alpha1.Unreachable
	for i, r := range m.reports {
		for _, u := range r.Unreachable {
			u.Waiver = nil
			if u.Missing != "" {
				continue // other reports may have what was missing
			}
			same := func(o v1alpha1.Unreachable) bool { // the earlier one selects clusters that r does not select
				return reflect.DeepEqual(o, u) ||
					u.Context == "" && o.Context == "" && o.Account == u.Account && o.Region == u.Region
			}
			if !slices.ContainsFunc(out, same) &&
				!slices.ContainsFunc(m.reports[i+1:], func(later *mergedReport) bool {
					return later.replaces(r, u) && later.selectsAll(r, accountRegion{u.Account, u.Region})
				}) {
				out = append(out, u)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b v1alpha1.Unreachable) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return append(out, m.gap...)
}

// replaces reports whether the unreachable place u of an earlier report is out of date because of r. That is true if r
// could not query the place either, or if r was certainly made later and queried it. Kube contexts of the same name may
// lead to different clusters, so nothing replaces them. was is the earlier report; r ended after it. Filters are not
// considered.
func (r *mergedReport) replaces(was *mergedReport, u v1alpha1.Unreachable) bool {
	switch {
	case u.Context != "":
		return false
	case u.Region != "":
		place := accountRegion{u.Account, u.Region}
		return r.couldNotQuery(place) || r.after(was) && r.answered[place]
	case slices.ContainsFunc(r.Unreachable, func(o v1alpha1.Unreachable) bool {
		return o.Region == "" && covers(o, u.Account, "")
	}):
		return true
	}
	return r.after(was) && r.triedAccount(was, u.Account)
}

// triedAccount reports whether r tried to query every region of the account. was is an earlier report that could query
// none of them.
func (r *mergedReport) triedAccount(was *mergedReport, account string) bool {
	if !slices.Contains(r.Scope.Accounts, account) || partitionOf(r) != partitionOf(was) {
		return false
	}
	if r.Scope.AllRegions {
		return len(missing(r.Scope.ExcludedRegions, was.Scope.ExcludedRegions)) == 0
	}
	return !was.Scope.AllRegions && len(was.Scope.Regions) > 0 &&
		!slices.ContainsFunc(was.Scope.Regions, func(region string) bool {
			place := accountRegion{account, region}
			return !r.answered[place] && !r.couldNotQuery(place)
		})
}

// partitionOf returns the partition of the caller, or "" if that is unknown. Account ids are unique in a partition.
func partitionOf(r *mergedReport) string {
	if r.Caller == nil {
		return ""
	}
	a, _ := arn.Parse(r.Caller.ARN) // without a valid ARN, it stays empty
	return a.Partition
}
