package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// trendRow is one audit of the trend.
type trendRow struct {
	v1alpha1.AuditPoint
	// Current is true for this report.
	Current bool
}

// TrendRows returns the audits of the trend, the oldest first, or nothing if there is only this one.
func (v *reportRows) TrendRows() []trendRow {
	if len(v.Trend) < 2 {
		return nil
	}
	rows := make([]trendRow, len(v.Trend))
	for i, p := range v.Trend {
		rows[i] = trendRow{p, i == len(v.Trend)-1}
	}
	return rows
}

// When returns the time of the audit.
func (r trendRow) When() string { return moment(r.Time) }

// OutcomeText returns the outcome of the audit in one word.
func (r trendRow) OutcomeText() string { return outcomeText(r.Outcome) }

// Class returns the CSS class of the outcome.
func (r trendRow) Class() string { return class(r.Outcome) }

// SeverityText returns the findings by severity.
func (r trendRow) SeverityText() string { return partsText(severityParts(r.Findings, r.Severities)) }

// VerdictText returns the clusters by verdict.
func (r trendRow) VerdictText() string { return partsText(r.verdictParts()) }

// Differences states how far the numbers can be compared with those of the audit before, and with the current ones.
func (r trendRow) Differences() string {
	text := strings.Join(r.NotComparable, ", ")
	if len(r.OtherScope) > 0 {
		text = strings.TrimPrefix(text+"; another scope than this report: "+strings.Join(r.OtherScope, ", "), "; ")
	}
	return text
}

// findingParts returns the findings by severity, and what may hide others.
func (r trendRow) findingParts() []part {
	return append(severityParts(r.Findings, r.Severities), part{r.Undecided, "Undecided", "unknown"},
		part{r.Waived, "Waived", "waived"})
}

// severityParts returns n findings by severity.
func severityParts(n int, severities map[v1alpha1.Severity]int) []part {
	var parts []part
	for _, s := range []struct {
		severity v1alpha1.Severity
		class    string
	}{{v1alpha1.SeverityCritical, "critical"}, {v1alpha1.SeverityHigh, "high"}, {v1alpha1.SeverityMedium, "medium"},
		{v1alpha1.SeverityLow, "low"}} {
		parts = append(parts, part{severities[s.severity], string(s.severity), s.class})
		n -= severities[s.severity]
	}
	return append(parts, part{max(n, 0), "Not rated", "quiet"})
}

// verdictParts returns the clusters by verdict.
func (r trendRow) verdictParts() []part {
	var parts []part
	for _, verdict := range verdicts() {
		parts = append(parts, part{r.Verdicts[verdict], string(verdict), class(verdict)})
	}
	return parts
}

func partsText(parts []part) string {
	var words []string
	for _, p := range parts {
		if p.N > 0 {
			words = append(words, fmt.Sprintf("%d %s", p.N, p.Name))
		}
	}
	return strings.Join(words, ", ")
}

// TrendCharts returns the charts of the trend.
func (v *reportRows) TrendCharts() []columnChart {
	rows := v.TrendRows()
	charts := []columnChart{
		newColumnChart("Findings", rows, trendRow.findingParts),
		newColumnChart("Clusters by verdict", rows, trendRow.verdictParts),
	}
	if slices.ContainsFunc(rows, func(r trendRow) bool { return r.Unreachable > 0 }) {
		charts = append(charts, newColumnChart("Locations that could not be queried", rows, func(r trendRow) []part {
			return []part{{r.Unreachable, "not queried", "unknown"}}
		}))
	}
	return charts
}

// HasBreaks reports whether neighbouring audits of the trend cannot be compared.
func (v *reportRows) HasBreaks() bool {
	return slices.ContainsFunc(v.Trend, func(p v1alpha1.AuditPoint) bool { return len(p.NotComparable) > 0 })
}

// HasOtherScope reports whether an audit of the trend has another scope than this report.
func (v *reportRows) HasOtherScope() bool {
	return slices.ContainsFunc(v.Trend, func(p v1alpha1.AuditPoint) bool { return len(p.OtherScope) > 0 })
}
