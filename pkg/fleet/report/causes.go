package report

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// cause groups the findings of one control that have the same reason, apart from names, ARNs, dates and numbers.
type cause struct {
	// ID is the number of the cause in the page, which its rows and the filter name.
	ID       string
	Severity v1alpha1.Severity
	Control  v1alpha1.Control
	Reason   string
	Clusters int
}

// variable matches the parts of a reason that differ between clusters with the same cause.
var variable = regexp.MustCompile(`arn:[\w:/.-]+|alias/[\w/-]+|"[^"]*"|` +
	`\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?( UTC|Z)?)?|\b[a-z]{2}(-[a-z]+)+-\d\b|\b\d+(\.\d+)?\b`)

// causeOf returns the reason of a row with its variable parts replaced.
func causeOf(r row) string {
	return variable.ReplaceAllString(cmp.Or(r.Reason, noReason), "…")
}

// groupByCause numbers the causes of the findings: first the most severe, then those of most clusters.
func (v *reportRows) groupByCause() {
	type key struct {
		control, reason string
		severity        v1alpha1.Severity
	}
	byKey, byRow := map[key]*cause{}, map[rowKey]*cause{}
	var causes []*cause
	for _, r := range v.listed(stateFinding) {
		k := key{r.Control.ID, causeOf(r), r.Severity}
		c := byKey[k]
		if c == nil {
			c = &cause{Severity: r.Severity, Control: r.Control, Reason: k.reason}
			byKey[k], causes = c, append(causes, c)
		}
		c.Clusters++
		byRow[rowKey{r.Cluster.ID, r.Control.ID}] = c
	}
	slices.SortStableFunc(causes, func(a, b *cause) int {
		return cmp.Or(cmp.Compare(encryption.SeverityRank(a.Severity), encryption.SeverityRank(b.Severity)),
			cmp.Compare(b.Clusters, a.Clusters))
	})
	if len(causes) == len(byRow) { // no two findings have the same one
		return
	}
	for i, c := range causes {
		c.ID = strconv.Itoa(i + 1)
	}
	v.causes, v.causeByRow = causes, byRow
}

// Causes returns the findings grouped by cause, or nothing if no two findings have the same one.
func (v *reportRows) Causes() []*cause { return v.causes }
