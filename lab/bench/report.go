package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// report collects the results and formats them as tables.
type report struct {
	results []*result
	memory  []measurement
}

func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %d cores, %s, %s/%s; measured on %s.\n",
		runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format("2006-01-02"))
	fmt.Fprint(&b, "\n### Aims\n\n| aim | limit | measured | reached |\n|---|--:|--:|---|\n")
	for _, a := range r.aims() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escape(a.name), a.limit(), a.text(a.value), yes(a.reached()))
	}
	for _, result := range r.results {
		fmt.Fprintf(&b, "\n### %s\n\n", result.name)
		fmt.Fprint(&b, "| method | secrets | objects/s | × get\\|replace | % of the limit | requests per object "+
			"| bytes per object | peak memory | another user, p50 / p99 |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
		for i, method := range result.methods {
			m := median(result.rounds[i])
			fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %s | %.2f | %s | %s | %s / %s |\n",
				escape(method.name), m.objects, m.rate(),
				number("%.1f", result.ratio(rate, method.name, methodReplace)),
				number("%.0f", 100*result.ratio(rate, method.name, methodLoader)),
				float64(m.requests)/float64(m.objects), number("%.0f", m.bytesPerObject()), mebibytes(m.memory),
				milliseconds(m.p50), milliseconds(m.p99))
		}
		fmt.Fprintf(&b, "\nA whole `rewrite` of one secret: %.2f s.\n", result.whole.Seconds())
	}
	if len(r.memory) > 0 {
		fmt.Fprint(&b, "\n### Memory, against a fake API server\n\n| secrets | peak memory | objects/s |\n|--:|--:|--:|\n")
	}
	for _, m := range r.memory {
		fmt.Fprintf(&b, "| %d | %s | %.0f |\n", m.objects, mebibytes(m.memory), m.rate())
	}
	return b.String()
}

// escape escapes a text for a table.
func escape(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "**no**"
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
