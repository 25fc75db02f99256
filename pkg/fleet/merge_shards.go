package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// shardGroup identifies the shards of one selection of accounts.
type shardGroup struct {
	count     int
	selection string
}

// missingShards returns the shards for which no report was given. None is missing if another report covers all accounts
// of the same selection, or if all shards of another division of it were given.
func (m *merger) missingShards() []string {
	present := map[shardGroup]map[int]bool{}
	complete := map[string]bool{} // by selection
	var absent []string
	for _, r := range m.given {
		for _, part := range shardsOf(r.AuditReport) {
			group := shardGroup{part.Count, selectionText(&r.Scope)}
			if present[group] == nil {
				present[group] = map[int]bool{}
			}
			present[group][part.Index] = true
			complete[group.selection] = complete[group.selection] || len(present[group]) == group.count
		}
	}
	for _, r := range m.given {
		selection := selectionText(&r.Scope)
		if parts := shardsOf(r.AuditReport); len(parts) > 0 && !complete[selection] && !m.coveredByWhole(r) {
			for _, part := range parts {
				absent = append(absent, absentShards(part.Count, present[shardGroup{part.Count, selection}])...)
			}
		}
		absent = append(absent, m.stillMissing(r)...)
	}
	return distinct(absent)
}

func absentShards(count int, present map[int]bool) []string {
	var absent []string
	for index := range count {
		if !present[index] {
			absent = append(absent, Shard{index, count}.String())
		}
	}
	return absent
}

// coveredByWhole reports whether a report that is not of a shard has the same selection, and the accounts and clusters
// of r.
func (m *merger) coveredByWhole(r *mergedReport) bool {
	return slices.ContainsFunc(m.given, func(o *mergedReport) bool {
		return o != r && len(shardsOf(o.AuditReport)) == 0 && selectionText(&o.Scope) == selectionText(&r.Scope) &&
			len(missing(r.Scope.Accounts, o.Scope.Accounts)) == 0 && len(o.Scope.Accounts) > 0 &&
			o.selectsAll(r, accountRegion{})
	})
}

const missingShard = "shard "

// stillMissing returns the shards that were missing when r was made from other reports, and that no report has.
func (m *merger) stillMissing(r *mergedReport) []string {
	var absent []string
	for _, u := range r.Unreachable {
		list, ok := strings.CutPrefix(u.Missing, missingShard)
		if !ok || m.coveredByWhole(r) {
			continue
		}
		for text := range strings.SplitSeq(list, ", ") {
			if !slices.ContainsFunc(m.given, func(o *mergedReport) bool { return o != r && hasShard(o, text) }) {
				absent = append(absent, text)
			}
		}
	}
	return absent
}

func hasShard(r *mergedReport, text string) bool {
	return slices.ContainsFunc(shardsOf(r.AuditReport), func(s Shard) bool { return s.String() == text })
}

// shardsOf returns the shards that a report covers: its own, or those of the reports that it was made from. It returns
// none for a report that covers all accounts.
func shardsOf(r *v1alpha1.AuditReport) []Shard {
	incomplete := func(u v1alpha1.Unreachable) bool { return u.Missing != "" }
	if len(r.Sources) > 0 && !slices.ContainsFunc(r.Unreachable, incomplete) {
		return nil // nothing was missing
	}
	return sourceShards([]v1alpha1.AuditSource{{Shard: r.Scope.Shard, Sources: r.Sources}})
}

func sourceShards(sources []v1alpha1.AuditSource) []Shard {
	var shards []Shard
	for _, s := range sources {
		if len(s.Sources) > 0 {
			shards = append(shards, sourceShards(s.Sources)...)
		} else if shard, err := ParseShard(s.Shard, ""); err == nil {
			shards = append(shards, shard)
		}
	}
	return shards
}

// selectionText returns what selected the accounts of a report, except a list of accounts.
func selectionText(s *v1alpha1.AuditScope) string {
	return fmt.Sprintf("%v %q %q", s.Organization, distinct(s.OrganizationalUnits), distinct(s.ExcludedAccounts))
}

// missing returns an entry for the shards, or else for the accounts, of which no report was given. accounts is the
// number of accounts in the reports.
func (m *merger) missing(accounts int) []v1alpha1.Unreachable {
	if shards := m.missingShards(); len(shards) > 0 {
		return []v1alpha1.Unreachable{{
			Missing: missingShard + strings.Join(shards, ", "), Reason: "no report of it was given",
		}}
	}
	if n := m.listed() - accounts; n > 0 {
		return []v1alpha1.Unreachable{{Missing: fmt.Sprintf("accounts of the shards: %d", n),
			Reason: "the shards list more accounts than the reports cover"}}
	}
	return nil
}

// listed returns how many accounts the shards list, or 0 if no report states it.
func (m *merger) listed() int {
	most := 0
	for _, r := range m.given {
		for _, note := range r.Notes {
			if listed, ok := listedAccounts(note); ok && len(shardsOf(r.AuditReport)) > 0 {
				most = max(most, listed)
			}
		}
	}
	return most
}
