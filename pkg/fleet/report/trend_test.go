package report

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func point(t *testing.T, month string, findings int) v1alpha1.AuditPoint {
	t.Helper()
	return v1alpha1.AuditPoint{Time: at(t, "2026-"+month+"-01T10:00:00Z"), Clusters: 10, Findings: findings,
		Severities: map[v1alpha1.Severity]int{v1alpha1.SeverityHigh: findings}}
}

// TestTrendCharts checks the columns: as high as their numbers, pale for another scope, and with a line in front of an
// audit that cannot be compared with the one before.
func TestTrendCharts(t *testing.T) {
	r := fixture(t)
	r.Trend = []v1alpha1.AuditPoint{point(t, "01", 10), point(t, "02", 5), point(t, "03", 0)}
	r.Trend[0].OtherScope, r.Trend[1].NotComparable = []string{"regions"}, []string{"other regions"}
	r.Trend[1].Waived = 5
	charts := newReportRows(r).TrendCharts()
	if len(charts) != 2 {
		t.Fatalf("%d charts, want findings and verdicts: every place answered", len(charts))
	}
	c := charts[0]
	if len(c.Columns) != 3 || len(c.Columns[0].Parts) != 1 || len(c.Columns[1].Parts) != 2 || c.Columns[2].Parts != nil {
		t.Fatalf("columns = %+v, want one part, two and none", c.Columns)
	}
	if got := c.Columns[0].Parts[0].Height; got != "135.0" {
		t.Errorf("the highest column is %s high, want all of 135", got)
	}
	if high, waived := c.Columns[1].Parts[0], c.Columns[1].Parts[1]; high.Height != "67.5" || waived.Y != "10.0" {
		t.Errorf("parts = %+v, %+v; want waived findings on top, so that a waiver does not look like a fix", high, waived)
	}
	if !c.Columns[0].Apart || c.Columns[1].Apart || len(c.Breaks) != 1 || c.Breaks[0] != "140.0" {
		t.Errorf("apart = %t, %t, breaks = %v; want the first pale, and a line before the second", c.Columns[0].Apart,
			c.Columns[1].Apart, c.Breaks)
	}
	if title := c.Columns[1].Title; title != "2026-02-01 10:00 UTC: 5 High, 5 Waived (other regions)" {
		t.Errorf("title = %q", title)
	}

	r.Trend = r.Trend[:1]
	if text := render(t, "html", r); strings.Contains(text, `id="trend"`) {
		t.Error("the page shows a trend of one audit")
	}
}

func TestRoundUp(t *testing.T) {
	for highest, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 5, 5: 5, 6: 10, 11: 20, 501: 1000, 10000: 10000} {
		if got := roundUp(highest); got != want {
			t.Errorf("roundUp(%d) = %d, want %d", highest, got, want)
		}
	}
}

// TestAccounts checks counts, names and scores. A score is never rounded up, and an account without a cluster has none.
func TestAccounts(t *testing.T) {
	r := large(t, 1000)
	r.Findings = r.Findings[:1]
	for i := range r.Items {
		r.Items[i].Cluster.Account = prod
	}
	r.Scope.AccountNames[prod] = "Production"
	r.Unreachable = []v1alpha1.Unreachable{{Account: dev, Region: "eu-central-1"}}
	rows := newReportRows(r).Accounts()
	if len(rows) != 2 {
		t.Fatalf("%d accounts, want 2", len(rows))
	}
	if a := rows[0]; a.Name != "Production" || a.Score() != "99 %" || a.ScoreText() != "999 of 1000 clusters" {
		t.Errorf("%s: %s, %s; want 99 %%: one of 1,000 clusters has a finding", a.Name, a.Score(), a.ScoreText())
	}
	a := rows[1]
	if a.Name != "" || a.Score() != "–" || a.ScoreText() != "no cluster could be listed" || a.NotQueried != 1 {
		t.Errorf("%+v: %s, %s; want no score", a, a.Score(), a.ScoreText())
	}
}
