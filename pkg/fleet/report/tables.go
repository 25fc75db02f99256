package report

import (
	"cmp"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// verdictTotal counts the clusters under one verdict.
type verdictTotal struct {
	verdict v1alpha1.Verdict
	n       int
}

// byVerdict counts the clusters listed, so that the totals always agree with the
// list; every verdict is there, those of no cluster too.
func (v *view) byVerdict() []verdictTotal {
	counts := map[v1alpha1.Verdict]int{}
	for i := range v.clusters {
		counts[cmp.Or(v.clusters[i].item.Encryption.Verdict, v1alpha1.VerdictUnknown)]++
	}
	var totals []verdictTotal
	left := len(v.clusters)
	for _, verdict := range verdicts() {
		totals = append(totals, verdictTotal{verdict, counts[verdict]})
		left -= counts[verdict]
	}
	// A verdict that this version does not know is not told apart.
	totals[len(totals)-1].n += left
	return totals
}

// cell is the row of one control, or an empty one where the cluster has none.
func (c *cluster) cell(control string) row {
	for _, r := range c.rows {
		if r.control.ID == control {
			return r
		}
	}
	return row{cluster: c}
}

// name is the short name of a cluster; an id that is no cluster of the report
// stands for itself.
func (v *view) name(id string) string {
	if i, ok := v.index[id]; ok {
		return v.clusters[i].name
	}
	if _, name, ok := strings.Cut(id, ":cluster/"); ok && name != "" {
		return name
	}
	return id
}

func (v *view) names(ids []string) []string {
	names := make([]string, len(ids))
	for i := range ids {
		names[i] = v.name(ids[i])
	}
	return names
}

func reasoned(s, reason string) string {
	if reason == "" || s == "" {
		return s + reason
	}
	return s + " (" + strings.TrimSuffix(reason, ".") + ")"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// changeRow is a change with what kind of change it is.
type changeRow struct {
	kind string
	v1alpha1.Change
}

func (v *view) changeRows() []changeRow {
	var rows []changeRow
	clusters := func(kind string, ids []string) {
		for _, id := range ids {
			rows = append(rows, changeRow{kind, v1alpha1.Change{Cluster: id}})
		}
	}
	changes := func(kind string, list []v1alpha1.Change) {
		for _, c := range list {
			rows = append(rows, changeRow{kind, c})
		}
	}
	c := v.Changes
	changes("Regression", c.Regressions)
	clusters("Lost from sight", c.LostSight)
	changes("Fixed", c.Fixed)
	clusters("New cluster", c.New)
	clusters("Gone", c.Gone)
	changes("Other", c.Other)
	return rows
}

func coverageName(c v1alpha1.CoverageReport) string {
	return cmp.Or(c.Cluster.Name, c.Cluster.ARN, c.Cluster.Context, c.Name)
}

// proven adds up the objects of a coverage report, and those of them that are
// proven to stand under the current key.
func proven(c v1alpha1.CoverageReport) (total, current int64) {
	for _, r := range c.Resources {
		total += r.Total
		current += r.Current + r.Rewritten
	}
	return total, current
}
