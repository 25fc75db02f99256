package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// AccountName returns the name that AWS Organizations has for an account, or "".
func (v *reportRows) AccountName(id string) string {
	if name := v.Scope.AccountNames[id]; name != id {
		return name
	}
	return ""
}

// HasAccountNames reports whether a name of an account is known.
func (v *reportRows) HasAccountNames() bool { return len(v.Scope.AccountNames) > 0 }

// AccountIDs returns the accounts that rows of the page belong to, in order.
func (v *reportRows) AccountIDs() []string {
	var ids []string
	for _, c := range v.Clusters {
		ids = append(ids, c.Account)
	}
	for _, u := range v.Unreachable {
		ids = append(ids, u.Account)
	}
	for i := range v.Keys {
		ids = append(ids, v.Keys[i].Account)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

// accountRow is one account with its results.
type accountRow struct {
	ID, Name                      string
	Clusters, Undecided, Waived   int
	Findings, NotQueried, Skipped int // Skipped places have a waiver
	severities                    map[v1alpha1.Severity]int
	// Clean is the number of clusters without a finding or an undecided control.
	Clean int
}

// Accounts returns the accounts of the report, those with most findings first, or nothing if there is only one.
func (v *reportRows) Accounts() []accountRow {
	byID := map[string]*accountRow{}
	row := func(account string) *accountRow {
		if byID[account] == nil {
			byID[account] = &accountRow{ID: account, Name: v.AccountName(account), severities: map[v1alpha1.Severity]int{}}
		}
		return byID[account]
	}
	for _, c := range v.Clusters {
		row(c.Account).add(c)
	}
	for _, u := range v.Unreachable {
		if u.Waiver == nil {
			row(u.Account).NotQueried++
		} else {
			row(u.Account).Skipped++
		}
	}
	if len(byID) < 2 {
		return nil
	}
	var rows []accountRow
	for _, a := range byID {
		rows = append(rows, *a)
	}
	slices.SortFunc(rows, func(a, b accountRow) int {
		return cmp.Or(cmp.Compare(b.Findings, a.Findings), cmp.Compare(b.Undecided+b.NotQueried, a.Undecided+a.NotQueried),
			cmp.Compare(a.ID, b.ID))
	})
	return rows
}

func (a *accountRow) add(c *cluster) {
	open := 0
	for _, r := range c.Rows {
		switch r.State {
		case stateFinding:
			a.Findings++
			a.severities[r.Severity]++
			open++
		case stateUndecided:
			a.Undecided++
			open++
		case stateWaived:
			a.Waived++
		}
	}
	a.Clusters++
	if open == 0 {
		a.Clean++
	}
}

// Score returns the share of the clusters without a finding or an undecided control, rounded down: 100 % means all.
func (a accountRow) Score() string {
	if a.Clusters == 0 {
		return "–"
	}
	return fmt.Sprintf("%d %%", a.share())
}

func (a accountRow) share() int { return 100 * a.Clean / max(a.Clusters, 1) }

// SortScore is the number that the page sorts the score by. An account without a cluster comes first.
func (a accountRow) SortScore() int {
	if a.Clusters == 0 {
		return -1
	}
	return a.share()
}

// ScoreText explains the score.
func (a accountRow) ScoreText() string {
	switch {
	case a.Clusters == 0 && a.NotQueried+a.Skipped > 0:
		return "no cluster could be listed"
	case a.NotQueried+a.Skipped > 0:
		return fmt.Sprintf("%d of %s seen", a.Clean, count(a.Clusters, "cluster"))
	}
	return fmt.Sprintf("%d of %s", a.Clean, count(a.Clusters, "cluster"))
}

// SeverityText returns the findings by severity.
func (a accountRow) SeverityText() string {
	return partsText(severityParts(a.Findings, a.severities))
}

// Bar returns the chart of the account's clusters.
func (a accountRow) Bar() bar {
	return newBar("Clusters", a.Clusters, part{a.Clean, "without findings", "good"},
		part{a.Clusters - a.Clean, "with findings or undecided controls", "bad"})
}
