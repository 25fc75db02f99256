package output

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func (t *auditText) unreachable(places []v1alpha1.Unreachable) {
	table := NewTable("ACCOUNT", "REGION", "CONTEXT", "REASON")
	for _, u := range places {
		region := u.Region
		if region == "" && u.Context == "" {
			region = "(all)"
		}
		table.Row(u.Account, region, u.Context, u.Reason)
	}
	t.table("Could not be asked", table)
}

func (t *auditText) waived(waived []v1alpha1.Waived) {
	table := NewTable("CONTROL", "CLUSTER", "UNTIL", "OWNER", "REASON")
	for _, w := range waived {
		until := ""
		if w.Expires != nil {
			until = w.Expires.UTC().Format("2006-01-02")
		}
		table.Row(w.Control, w.Cluster, until, w.Owner, w.Reason)
	}
	t.table("Waived", table)
}

func (t *auditText) changes(c *v1alpha1.AuditChanges) {
	if c == nil {
		return
	}
	table := NewTable("CHANGE", "CLUSTER", "WHAT", "WAS", "IS", "REASON")
	for _, list := range []struct {
		name    string
		changes []v1alpha1.Change
	}{{"worse", c.Regressions}, {"fixed", c.Fixed}, {"other", c.Other}} {
		for _, change := range list.changes {
			table.Row(list.name, change.Cluster, change.What, change.Was, change.Is, change.Reason)
		}
	}
	for _, list := range []struct {
		name     string
		clusters []string
	}{{"new", c.New}, {"gone", c.Gone}, {"lost sight", c.LostSight}} {
		for _, cluster := range list.clusters {
			table.Row(list.name, cluster, "", "", "", "")
		}
	}
	title := "Changes"
	if c.Since != nil {
		title += " since " + c.Since.UTC().Format("2006-01-02 15:04 UTC")
	}
	if len(table.rows) == 1 {
		t.line("")
		t.line(title + ": none")
	}
	t.table(title, table)
	for _, note := range c.Notes {
		t.line("Note: " + Clean(note))
	}
}

// others says in a line or two where other auditors will disagree; wide says it all.
func (t *auditText) others(groups []v1alpha1.OtherTools) {
	table := NewTable("CLUSTERS", "TOOL", "CHECK", "SAYS", "TRUE", "WHY")
	for _, g := range groups {
		var wrong []string
		for _, o := range g.Says {
			if !o.Agrees {
				wrong = append(wrong, o.Tool)
			}
			table.Row(strconv.Itoa(len(g.Clusters))+" "+g.State, o.Tool, o.Check, o.Says, yesNo(o.Agrees), o.Why)
		}
		if !t.wide && len(wrong) > 1 { // one of them never agrees with anything
			t.line("")
			t.line(Wrap(fmt.Sprintf("Why others differ: %s (%s): %s say otherwise, or nothing. -o wide tells why.",
				Count(len(g.Clusters), "cluster"), Clean(g.State), strings.Join(wrong, ", ")), "", textWidth))
		}
	}
	if t.wide {
		t.table("What other auditors say, and whether it is true", table)
	}
}

// textWidth is where long sentences are broken.
const textWidth = 100
