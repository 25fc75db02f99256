package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// columnChart is a chart with one stacked column for each audit. A line would suggest values between two audits.
type columnChart struct {
	Title, Label string
	Legend       []part
	Ticks        []tick
	Columns      []column
	// Breaks are the x coordinates between two audits that cannot be compared.
	Breaks []string
}

// tick is a line of the scale.
type tick struct{ Y, TextY, Text string }

// column is a drawn column. Apart is true if its audit has another scope than this report.
type column struct {
	Center, Date, Title string
	Apart               bool
	Parts               []columnPart
}

type columnPart struct{ Class, X, Y, Width, Height string }

// The geometry of a column chart, in units of its viewBox of 360 by 170.
const (
	chartLeft, chartRight = 40.0, 340.0
	chartTop, chartBottom = 10.0, 145.0
	dateWidth             = 52.0 // with the space between two dates
)

func newColumnChart(title string, rows []trendRow, parts func(trendRow) []part) columnChart {
	chart := columnChart{Title: title, Label: chartLabel(title, rows, parts)}
	highest, slot := 0, (chartRight-chartLeft)/float64(len(rows))
	used := map[string]bool{}
	for _, r := range rows {
		total := 0
		for _, p := range parts(r) {
			total += p.N
			used[p.Name] = used[p.Name] || p.N > 0
		}
		highest = max(highest, total)
	}
	for _, p := range parts(rows[0]) {
		if used[p.Name] {
			chart.Legend = append(chart.Legend, part{Name: p.Name, Class: p.Class})
		}
	}
	top := roundUp(highest)
	y := func(n int) float64 { return chartBottom - (chartBottom-chartTop)*float64(n)/float64(top) }
	for _, n := range slices.Compact([]int{0, top / 2, top}) {
		if n == top/2 && top%2 != 0 && n != 0 {
			continue
		}
		chart.Ticks = append(chart.Ticks, tick{decimal(y(n)), decimal(y(n) + 4), strconv.Itoa(n)})
	}
	every := int(dateWidth/slot) + 1
	for i, r := range rows {
		left, width := chartLeft+slot*float64(i), min(slot*.7, 34)
		c := column{Center: decimal(left + slot/2), Apart: len(r.OtherScope) > 0,
			Title: r.When() + ": " + cmp.Or(partsText(parts(r)), "none")}
		if (len(rows)-1-i)%every == 0 && r.Time != nil {
			c.Date = r.Time.UTC().Format("2 Jan")
		}
		if text := r.Differences(); text != "" {
			c.Title += " (" + text + ")"
		}
		sum := 0
		for _, p := range parts(r) {
			if p.N > 0 {
				sum += p.N
				c.Parts = append(c.Parts, columnPart{p.Class, decimal(left + (slot-width)/2), decimal(y(sum)), decimal(width),
					decimal(y(sum-p.N) - y(sum))})
			}
		}
		chart.Columns = append(chart.Columns, c)
		if len(r.NotComparable) > 0 {
			chart.Breaks = append(chart.Breaks, decimal(left))
		}
	}
	return chart
}

// chartLabel describes the first and the last column of a chart, for screen readers. The table has the others.
func chartLabel(title string, rows []trendRow, parts func(trendRow) []part) string {
	first, last := rows[0], rows[len(rows)-1]
	return fmt.Sprintf("%s in %d audits. %s: %s. %s: %s. The table has all numbers.", title, len(rows),
		first.When(), cmp.Or(partsText(parts(first)), "none"), last.When(), cmp.Or(partsText(parts(last)), "none"))
}

// roundUp returns the end of the scale for a highest value: 1, 2 or 5 with zeros, and at least 1.
func roundUp(highest int) int {
	for unit := 1; ; unit *= 10 {
		for _, top := range []int{unit, 2 * unit, 5 * unit} {
			if top >= highest {
				return top
			}
		}
	}
}
