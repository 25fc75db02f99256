package fleet

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// The prefixes of the conditions of a filter, as reports list them.
const (
	nameCondition = "name="
	tagCondition  = "tag:"
)

// selectsAll reports whether r selects every cluster of the place that was selects. An empty region means the whole
// account, and an empty account everything. The filters of a merged report do not state what each of its reports left
// out, so the clusters that r left out are checked as well.
func (r *mergedReport) selectsAll(was *mergedReport, place accountRegion) bool {
	names, tags := splitConditions(r.Scope.Filters)
	wasNames, wasTags := splitConditions(was.Scope.Filters)
	switch {
	case len(names) > 0 && (len(wasNames) == 0 || len(missing(wasNames, names)) > 0): // one name must match
		return false
	case len(missing(tags, wasTags)) > 0: // all tags must match
		return false
	case len(tags) > 0 && !different(distinct(names), distinct(wasNames)): // was left out the same clusters
		return true
	}
	filter := Filter{names: wasNames}
	return !slices.ContainsFunc(r.Scope.FilteredOut, func(id string) bool {
		a, err := arn.Parse(id)
		return err != nil || (place.account == "" || a.AccountID == place.account) &&
			(place.region == "" || a.Region == place.region) &&
			filter.MatchesName(strings.TrimPrefix(a.Resource, "cluster/"))
	})
}

// splitConditions returns the patterns of names, and the conditions on tags.
func splitConditions(filters []string) (names, tags []string) {
	for _, f := range filters {
		if name, ok := strings.CutPrefix(f, nameCondition); ok {
			names = append(names, name)
		} else {
			tags = append(tags, f)
		}
	}
	return names, tags
}

// filters returns the filters of all reports, or none if they differ: then no filter describes all clusters.
func (m *merger) filters() []string {
	first := distinct(m.given[0].Scope.Filters)
	for _, r := range m.given {
		if !slices.Equal(distinct(r.Scope.Filters), first) {
			return nil
		}
	}
	return slices.Clone(m.given[0].Scope.Filters)
}
