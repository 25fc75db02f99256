package report

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

var pages = flag.String("pages", "", "directory for pages with hostile values and without a content security policy")

// structure checks that the text is valid in its format and that no value became markup or syntax.
func structure(t testing.TB, format, text string) {
	t.Helper()
	switch format {
	case "csv":
		records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			for _, cell := range record {
				if cell = strings.TrimSpace(cell); cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(cell)[0]) {
					t.Errorf("cell = %q, want no formula", cell)
				}
			}
		}
	case "junit":
		var suites junit.Testsuites
		if err := xml.Unmarshal([]byte(text), &suites); err != nil {
			t.Fatal(err)
		}
	case "sarif", "ocsf", "asff":
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: invalid JSON", format)
		}
		if strings.ContainsAny(text, "<>") {
			t.Errorf("%s contains < or >, which is unsafe in an HTML page", format)
		}
	case "html":
		parsePage(t, text)
	case "markdown":
		checkTables(t, text)
	case OpenMetrics:
		parseMetrics(t, text)
	}
	for line := range strings.Lines(text) {
		for _, char := range strings.TrimSuffix(strings.TrimLeft(line, "\t"), "\n") {
			if unicode.IsControl(char) || unicode.Is(unicode.Cf, char) {
				t.Errorf("%s: control or format character %U in %q", format, char, line)
			}
		}
	}
}

// checkTables checks that all rows of a Markdown table have the same number of cells.
func checkTables(t testing.TB, text string) {
	t.Helper()
	bars := 0
	for line := range strings.Lines(text) {
		plain := strings.ReplaceAll(line, `\\`, "")
		n := strings.Count(plain, "|") - strings.Count(plain, `\|`)
		switch {
		case !strings.HasPrefix(line, "|"):
			bars = 0
		case bars == 0:
			bars = n
		case n != bars:
			t.Errorf("row has %d bars, want %d: %s", n, bars, line)
		}
	}
}

// everywhere returns a report with s in every string. A second control, waiver and audit complete the page.
func everywhere(s string) *v1alpha1.AuditReport {
	r := &v1alpha1.AuditReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport)}
	hostile.Fill(r, s)
	r.Items[0].Controls = append(r.Items[0].Controls,
		v1alpha1.Control{ID: "ENC-1", Result: v1alpha1.ResultPass, Reason: s})
	r.Waived = append(r.Waived, v1alpha1.Waived{Cluster: s + "2", Control: s, Reason: s})
	r.Trend = append(r.Trend, r.Trend...)
	r.Scope.AccountNames = map[string]string{s: s + " name"}
	return r
}

// checkHostile writes a report with s in every field in all formats. It checks that s is data in each of them: a page
// has the same elements and attributes as one with a harmless word.
func checkHostile(t testing.TB, s string) {
	t.Helper()
	r := everywhere(s)
	for _, format := range Formats() {
		structure(t, format, render(t, format, r))
	}
	want := parsePage(t, render(t, "html", everywhere("word")))
	if got := parsePage(t, render(t, "html", r)); got != want {
		t.Errorf("%q changes the page:\n%s\nwant:\n%s", s, got, want)
	}
}

func TestHostileValues(t *testing.T) {
	for i, s := range append(hostile.Values(), strings.Join(hostile.Values(), " ")) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			checkHostile(t, s)
			r := everywhere(s)
			validate(t, "sarif-schema-2.1.0.json", render(t, "sarif", r))
			validate(t, "ocsf-1.5.0-compliance_finding.json", render(t, "ocsf", r))
			if *pages != "" {
				page := regexp.MustCompile(`<meta http-equiv=.*\n`).ReplaceAllString(render(t, "html", r), "")
				path := filepath.Join(*pages, fmt.Sprintf("hostile-%02d.html", i))
				if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestRandomValues checks random values. The seed is fixed, so that a failure can be repeated.
func TestRandomValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := append(hostile.Values(), "a", "1", " ", "\n", "\r\n", "'", `"`, "&", "<", ">", "|", "`", "\\", ";", ",", "=",
		"-", "\x7f", "\u2028", "ü", "世")
	for range 50 {
		var b strings.Builder
		b.WriteString("x")
		for range 1 + random.IntN(6) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		if s := b.String()[random.IntN(2):]; strings.TrimSpace(s) != "" {
			checkHostile(t, s)
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range hostile.Values() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.TrimSpace(s) == "" || strings.HasPrefix(s, "ENC-") {
			t.Skip("an absent value and a defined control have a structure of their own")
		}
		checkHostile(t, s)
	})
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"plain text: a, b.":         "plain text: a, b.",
		"a|b":                       `a\|b`,
		"<b>":                       `\<b\>`,
		"[x](y)":                    `\[x\](y)`,
		"`x`":                       "\\`x\\`",
		"https://evil.example":      "https`://`evil.example",
		"www.evil.example":          "www`.`evil.example",
		"@everyone":                 "`@`everyone",
		"a_b *c*":                   `a\_b \*c\*`,
		"1. one":                    `1\. one`,
		"- one":                     `\- one`,
		`\`:                         `\\`,
		"arn:aws:eks:r:1:cluster/x": "arn:aws:eks:r:1:cluster/x",
		"":                          " ",
	} {
		if got := mdText(in); got != want {
			t.Errorf("mdText(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"a|b": "`a\\|b`", "a`b": "`a'b`", `a\|b`: "`a\\ \\|b`", " ": " "} {
		if got := mdCode(in); got != want {
			t.Errorf("mdCode(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFormulas(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "-": "'-", "@x": "'@x", "＝1": "'＝1", "a;=1": "a;'=1", `a";+1`: `a";'+1`,
		" =1": " '=1", //nolint:gocritic // the white space is the value under test
		"a-b": "a-b", "1=1": "1=1", "arn:aws:kms:eu-west-1:1:key/a-b": "arn:aws:kms:eu-west-1:1:key/a-b", "": "",
	} {
		if got := guard(in); got != want {
			t.Errorf("guard(%q) = %q, want %q", in, got, want)
		}
	}
}
