package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// report collects the measurements and formats them as tables.
type report struct {
	scenarios []scenario
	measured  map[string][]measurement
	million   *measurement
}

func newReport() *report { return &report{measured: map[string][]measurement{}} }

func (r *report) add(s scenario, m measurement) {
	if r.measured[s.name] == nil {
		r.scenarios = append(r.scenarios, s)
	}
	r.measured[s.name] = append(r.measured[s.name], m)
}

func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %d cores, %s, %s/%s; measured %s.\n",
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format("2006-01-02"))
	for _, s := range r.scenarios {
		all := r.measured[s.name]
		var base, limit measurement
		for _, m := range all {
			switch {
			case m.base:
				base = m
			case m.limit:
				limit = m
			}
		}
		fmt.Fprintf(&b, "\n### %s\n\n", s.name)
		fmt.Fprint(&b, "| method | secrets | objects/s | × get\\|replace | % of the limit | requests per object "+
			"| bytes per object | bytes, % of get\\|replace | peak memory | probe p50 / p99 (idle p99) |\n"+
			"|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for _, m := range all {
			fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %s | %.2f | %s | %s | %s | %s / %s (%s) |\n",
				strings.ReplaceAll(m.name, "|", `\|`), m.objects, m.rate(),
				number("%.1f", m.rate()/base.rate()), number("%.1f", 100*m.rate()/limit.rate()),
				float64(m.requests)/float64(m.objects),
				number("%.0f", m.bytesPerObject()), number("%.1f", 100*m.bytesPerObject()/base.bytesPerObject()),
				mebibytes(m.memory), milliseconds(m.p50), milliseconds(m.p99), milliseconds(m.idle))
		}
	}
	if m := r.million; m != nil {
		fmt.Fprintf(&b, "\n### 1,000,000 objects, against a fake API server\n\n"+
			"peak memory of `rewrite`: %s, %.0f objects/s\n", mebibytes(m.memory), m.rate())
	}
	return b.String()
}

// number formats v, or returns a dash if v is 0 or the result of a division by 0.
func number(format string, v float64) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

func mebibytes(n int64) string { return number("%.0f MiB", float64(n)/(1<<20)) }

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

const beginMarker, endMarker = "<!-- bench -->\n", "<!-- /bench -->"

// putBetweenMarkers replaces the text between the markers of a file.
func putBetweenMarkers(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(raw), beginMarker)
	_, tail, closed := strings.Cut(rest, endMarker)
	if !found || !closed {
		return fmt.Errorf("%s does not contain the markers %s and %s", path, strings.TrimSpace(beginMarker), endMarker)
	}
	return os.WriteFile(path, []byte(head+beginMarker+text+endMarker+tail), 0o600)
}
