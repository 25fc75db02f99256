package output

import (
	"cmp"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

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
	for i := range c.Waived {
		w := &c.Waived[i]
		table.Row("waived", cmp.Or(w.Cluster, w.Place), strings.TrimSpace(string(w.Severity)+" "+w.Control), w.Finding,
			waivedUntil(w), w.Reason)
	}
	for _, list := range []struct {
		name  string
		names []string
	}{{"new", c.New}, {"gone", c.Gone}, {"lost sight", c.LostSight}, {"no longer in the scope", c.LostPlaces}} {
		for _, name := range list.names {
			table.Row(list.name, name, "", "", "", "")
		}
	}
	title := "Changes"
	if c.Since != nil {
		title += " since " + clock.Minute(c.Since.Time)
	}
	if len(table.rows) == 1 {
		t.line("")
		t.line(title + ": none")
	}
	t.table(title, table)
	for _, note := range c.Notes {
		t.line("Note: " + sanitize.Line(note))
	}
}
