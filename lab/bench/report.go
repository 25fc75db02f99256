package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is the tables.
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
	fmt.Fprintf(&b, "Machine: %d cores, %s, %s/%s; measured %s.\n", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH, time.Now().UTC().Format("2006-01-02"))
	for _, s := range r.scenarios {
		all := r.measured[s.name]
		var base, limit measurement
		for _, m := range all {
			switch {
			case strings.HasPrefix(m.way, "get | replace"):
				base = m
			case strings.HasPrefix(m.way, "saturating"):
				limit = m
			}
		}
		fmt.Fprintf(&b, "\n### %s\n\n", s.name)
		fmt.Fprintln(&b, "| way | secrets | objects/s | × get\\|replace | % of the limit | requests an object | bytes an object | % of get\\|replace's | peak memory | bystander p50 / p99 (idle p99) |")
		fmt.Fprintln(&b, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
		for _, m := range all {
			fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %s | %.2f | %s | %s | %s | %s / %s (%s) |\n",
				strings.ReplaceAll(m.way, "|", `\|`), m.objects, m.rate(), times(m.rate(), base.rate0()), percent(m.rate(), limit.rate0()),
				float64(m.requests)/float64(m.objects), m.bytesText(), percent(m.bytesEach(), base.bytes0()), mebibytes(m.memory),
				milliseconds(m.p50), milliseconds(m.p99), milliseconds(m.idle))
		}
	}
	if m := r.million; m != nil {
		fmt.Fprintf(&b, "\n### 1,000,000 objects, against a fake API server\n\npeak memory of `rewrite`: %s, %.0f objects/s\n", mebibytes(m.memory), m.rate())
	}
	return b.String()
}

func (m measurement) rate0() float64 {
	if m.took == 0 {
		return 0
	}
	return m.rate()
}

func (m measurement) bytes0() float64 {
	if m.objects == 0 {
		return 0
	}
	return m.bytesEach()
}

func (m measurement) bytesText() string {
	if m.bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", m.bytesEach())
}

func times(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", a/b)
}

func percent(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", 100*a/b)
}

func mebibytes(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

const begins, ends = "<!-- bench -->\n", "<!-- /bench -->"

// putBetweenMarkers replaces what stands between the markers of a file.
func putBetweenMarkers(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(raw), begins)
	_, tail, closed := strings.Cut(rest, ends)
	if !found || !closed {
		return fmt.Errorf("%s has no %s and %s", path, strings.TrimSpace(begins), ends)
	}
	return os.WriteFile(path, []byte(head+begins+text+ends+tail), 0o600)
}
