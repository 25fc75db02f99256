package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// fact is a name with a value, which is a list of N values.
type fact struct {
	Name, Value string
	N           int
}

// Long reports whether the value is a long list.
func (f fact) Long() bool { return f.N > 12 }

// verdictTotal is the number of clusters with one verdict.
type verdictTotal struct {
	Verdict v1alpha1.Verdict
	N       int
}

// ByVerdict counts the clusters by verdict, from the list of clusters. It returns every verdict, also those of no
// cluster.
func (v *reportRows) ByVerdict() []verdictTotal {
	counts := map[v1alpha1.Verdict]int{}
	for _, c := range v.Clusters {
		verdict := c.Item.Encryption.Verdict
		if !slices.Contains(verdicts(), verdict) {
			verdict = v1alpha1.VerdictUnknown
		}
		counts[verdict]++
	}
	var totals []verdictTotal
	for _, verdict := range verdicts() {
		totals = append(totals, verdictTotal{verdict, counts[verdict]})
	}
	return totals
}

// Row returns the row of one control, or an empty row if the cluster has none.
func (c *cluster) Row(control string) row {
	for _, r := range c.Rows {
		if r.Control.ID == control {
			return r
		}
	}
	return row{Cluster: c}
}

// cell is a cell of the table of clusters by control.
type cell struct{ Control, Class, Text string }

// Cells returns the results of these controls.
func (c *cluster) Cells(controls []string) []cell {
	cells := make([]cell, len(controls))
	for i, id := range controls {
		state := c.Row(id).State
		cells[i] = cell{id, state.Class(), cmp.Or(state.Short(), "–")}
	}
	return cells
}

// ClusterName returns the name of a cluster with its account and region, because clusters of several accounts often
// have one name.
func (v *reportRows) ClusterName(id string) string { return v.ClusterAt(id).Label() }

// ClusterNames returns the names of clusters.
func (v *reportRows) ClusterNames(ids []string) []string {
	names := make([]string, len(ids))
	for i := range ids {
		names[i] = v.ClusterName(ids[i])
	}
	return names
}

func withReason(s, reason string) string {
	if reason == "" || s == "" {
		return s + reason
	}
	return s + " (" + strings.TrimSuffix(reason, ".") + ")"
}

// changeRow is a change with its kind.
type changeRow struct {
	Kind, Class string
	v1alpha1.Change
}

// ChangeRows returns the differences from the earlier report.
func (v *reportRows) ChangeRows() []changeRow {
	var rows []changeRow
	add := func(kind, class string, ids []string, changes []v1alpha1.Change) {
		for _, id := range ids {
			rows = append(rows, changeRow{kind, class, v1alpha1.Change{Cluster: id}})
		}
		for _, c := range changes {
			rows = append(rows, changeRow{kind, class, c})
		}
	}
	c := v.Changes
	add("Regression", "bad", nil, c.Regressions)
	for i := range c.Waived {
		w := &c.Waived[i]
		rows = append(rows, changeRow{"Newly waived", "doubt", v1alpha1.Change{Cluster: cmp.Or(w.Cluster, w.Place),
			What: strings.TrimSpace(string(w.Severity) + " " + w.Control), Was: w.Finding, Is: waiverText(w)}})
	}
	add("No longer visible", "doubt", c.LostSight, nil)
	add("No longer in the scope", "doubt", c.LostPlaces, nil)
	add("Fixed", "good", nil, c.Fixed)
	add("New cluster", "", c.New, nil)
	add("Gone", "", c.Gone, nil)
	add("Other", "", nil, c.Other)
	return rows
}

// clusterOf returns a cluster of which only the id is known.
func clusterOf(id string) *cluster {
	c := &cluster{ID: id, Name: clusterName(id), Item: &v1alpha1.EncryptionReport{}}
	if a, err := arn.Parse(id); err == nil {
		c.Account, c.Region, c.Partition = a.AccountID, a.Region, a.Partition
	}
	return c
}

// ClusterAt returns the cluster with this id, or what the id shows of it.
func (v *reportRows) ClusterAt(id string) *cluster { return v.ClustersOf([]string{id})[0] }

// coverageRow is a coverage report with its totals.
type coverageRow struct {
	*v1alpha1.CoverageReport
	Where          *cluster
	Total, Current int64
	Class          string
}

// CoverageRows returns the coverage of existing data, one row a cluster.
func (v *reportRows) CoverageRows() []coverageRow {
	var rows []coverageRow
	for i := range v.Coverage {
		c := &v.Coverage[i]
		name := cmp.Or(c.Cluster.Name, c.Cluster.ARN, c.Cluster.Context, c.Name)
		r := coverageRow{CoverageReport: c, Class: class(c.Verdict), Where: &cluster{Name: name,
			Account: c.Cluster.Account, AccountName: v.AccountName(c.Cluster.Account), Region: c.Cluster.Region}}
		for _, resource := range c.Resources {
			r.Total += resource.Total
			r.Current += resource.Current + resource.Rewritten
		}
		rows = append(rows, r)
	}
	return rows
}

// Label returns the name of the cluster with its account and region.
func (c *cluster) Label() string {
	place := strings.Trim(c.Account+" "+c.Region, " ")
	if place == "" || c.Name == "" {
		return c.Name
	}
	return c.Name + " (" + place + ")"
}

// Filter returns the filter values of a coverage row.
func (r coverageRow) Filter() filter {
	return filter{Account: r.Where.Account, Region: r.Where.Region, Control: "ENC-5"}
}

// Bar returns the chart of verified objects.
func (r coverageRow) Bar() bar {
	return newBar("Objects", int(r.Total), part{int(r.Current), "proven", "good"},
		part{int(r.Total - r.Current), "not proven", "quiet"})
}
