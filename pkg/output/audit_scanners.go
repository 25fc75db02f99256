package output

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// scanners names the scanners whose result is wrong for a group of clusters; wide lists
// the results of all scanners.
func (t *auditText) scanners(groups []v1alpha1.OtherTools) {
	table := NewTable("CLUSTERS", "TOOL", "CHECK", "RESULT", "CORRECT", "WHY")
	for _, g := range groups {
		var wrong []string
		for _, o := range g.Says {
			if !o.Agrees {
				wrong = append(wrong, o.Tool)
			}
			table.Row(strconv.Itoa(len(g.Clusters))+" "+g.State, o.Tool, o.Check, o.Says, yesNo(o.Agrees), o.Why)
		}
		if !t.wide && len(wrong) > 1 { // one of them is wrong for every cluster
			t.line("")
			t.line(Wrap(fmt.Sprintf("Other scanners differ for %s (%s): %s report another result, or none. "+
				"Details: -o wide.", Count(len(g.Clusters), "cluster"), g.State, strings.Join(wrong, ", ")),
				"", textWidth))
		}
	}
	if t.wide {
		t.table("Results of other scanners", table)
	}
}
