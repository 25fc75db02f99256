package fleet

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// shardGroup identifies the shards of one selection of accounts.
type shardGroup struct {
	count     int
	selection string
}

// missingShards returns the shards of which no report was given. The shards of another number of parts, or a report
// without shards, replace them if they have the same selection of accounts.
func (m *merger) missingShards() []string {
	present, whole := map[shardGroup]map[int]bool{}, map[string]bool{}
	for _, r := range m.given {
		parts, selection := shardsOf(r.AuditReport), selectionText(&r.Scope)
		if len(parts) == 0 {
			whole[selection] = true
		}
		for _, part := range parts {
			group := shardGroup{part.Count, selection}
			if present[group] == nil {
				present[group] = map[int]bool{}
			}
			present[group][part.Index] = true
		}
	}
	for group, indexes := range present {
		whole[group.selection] = whole[group.selection] || len(indexes) == group.count
	}
	var absent []string
	for group, indexes := range present {
		for index := range group.count {
			if !whole[group.selection] && !indexes[index] {
				absent = append(absent, Shard{index, group.count}.String())
			}
		}
	}
	return distinct(absent)
}

// shardsOf returns the shards that a report covers: its own, or those of the reports that it was made from.
func shardsOf(r *v1alpha1.AuditReport) []Shard {
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

// listed returns how many accounts the selection of the shards has, or 0 if no report states it.
func (m *merger) listed() int {
	most := 0
	for _, r := range m.given {
		for _, note := range r.Notes {
			if listed, ok := listedAccounts(r.Scope.Shard, note); ok {
				most = max(most, listed)
			}
		}
	}
	return most
}

// listedAccounts parses the note of Gather on a shard. It returns the number of accounts of all shards.
func listedAccounts(shard, note string) (listed int, ok bool) {
	text, ok := strings.CutPrefix(note, "shard "+shard+": ")
	if shard == "" || !ok {
		return 0, false
	}
	var own int
	n, err := fmt.Sscanf(text, "%d of %d accounts", &own, &listed)
	return listed, err == nil && n == 2
}
