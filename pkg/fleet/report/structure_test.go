package report

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"golang.org/x/net/html"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// structure checks that the text is what its format says, and that no value in it
// has become structure.
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
					t.Errorf("a formula: %q", cell)
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
			t.Error("no JSON")
		}
		if strings.ContainsAny(text, "<>") {
			t.Error("a tag in JSON, which pages may embed")
		}
	case "html":
		htmlShape(t, text)
	case "markdown":
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
				t.Errorf("%d bars instead of %d: %s", n, bars, line)
			}
		}
	}
}

// htmlShape parses a page and returns its tags in order, with the names of their
// attributes; it fails on anything that runs, loads or leads away.
func htmlShape(t testing.TB, text string) string {
	t.Helper()
	var shape strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return shape.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			shape.WriteString("<" + token.Data)
			seen := map[string]bool{}
			for _, a := range token.Attr {
				shape.WriteString(" " + a.Key)
				if seen[a.Key] {
					t.Errorf("<%s> has two attributes %s", token.Data, a.Key)
				}
				seen[a.Key] = true
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcdoc":
					t.Errorf("<%s %s=%q>", token.Data, a.Key, a.Val)
				case a.Key == "href" && !strings.HasPrefix(a.Val, "#") && a.Val != "data:,":
					t.Errorf("a link to %q", a.Val)
				}
			}
			shape.WriteString(">")
		case html.EndTagToken:
			shape.WriteString("</" + z.Token().Data + ">")
		}
	}
}

// everywhere puts one value into every string of a report that comes from outside.
func everywhere(s string) *v1alpha1.AuditReport {
	waived := v1alpha1.Waived{Cluster: s, Control: s, Reason: s, Owner: s}
	finding := v1alpha1.Finding{Cluster: s, Name: s, Account: s, Region: s, Control: s, Title: s, Severity: v1alpha1.Severity(s), Reason: s, Remedy: s, ExpiredWaiver: &waived}
	change := v1alpha1.Change{Cluster: s, What: s, Was: s, Is: s, Reason: s}
	item := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{ARN: s, Name: s, Region: s, Account: s, Partition: s, KubernetesVersion: s, PlatformVersion: s, Status: s, Context: s,
		ManagedBy: &v1alpha1.ManagedBy{Tool: v1alpha1.Tool(s), Evidence: s}},
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.Verdict(s), Scope: v1alpha1.Scope(s), Reason: s, KeyARN: s},
		Key:        &v1alpha1.Key{ARN: s, State: s, Usable: v1alpha1.Usable(s), Reason: s},
		Health:     v1alpha1.Health{Issues: []v1alpha1.HealthIssue{{Code: s, Message: s}}}, Notes: []string{s},
		Controls: []v1alpha1.Control{{ID: s, Name: s, Result: v1alpha1.Result(s), Reason: s, Standards: []string{s}}, {ID: "ENC-1", Result: v1alpha1.ResultPass, Reason: s}}}
	return &v1alpha1.AuditReport{
		Scope: v1alpha1.AuditScope{Contexts: []string{s}, Regions: []string{s}, Accounts: []string{s}, Filters: []string{s}, Controls: []string{s}},
		Items: []v1alpha1.EncryptionReport{item}, Findings: []v1alpha1.Finding{finding}, Undecided: []v1alpha1.Finding{finding}, Waived: []v1alpha1.Waived{waived, {Cluster: s + "2", Control: s, Reason: s}},
		Keys:        []v1alpha1.AuditKey{{ARN: s, State: s, Clusters: []string{s}, Aliases: []string{s}, Account: s, Region: s, Usable: v1alpha1.Usable(s), Reason: s}},
		Unreachable: []v1alpha1.Unreachable{{Account: s, Region: s, Reason: s, Context: s}},
		OtherTools:  []v1alpha1.OtherTools{{State: s, Clusters: []string{s}, Says: []v1alpha1.OtherTool{{Tool: s, Check: s, Says: s, Why: s}}}},
		Changes: &v1alpha1.AuditChanges{New: []string{s}, Gone: []string{s}, LostSight: []string{s}, Regressions: []v1alpha1.Change{change}, Fixed: []v1alpha1.Change{change},
			Other: []v1alpha1.Change{change}, Notes: []string{s}},
		Coverage: []v1alpha1.CoverageReport{{Cluster: v1alpha1.Cluster{Name: s, Account: s, Region: s}, Method: v1alpha1.CoverageMethod(s), Verdict: v1alpha1.CoverageVerdict(s), Statement: s, Notes: []string{s}}},
		Notes:    []string{s},
	}
}

// Whatever a value says, the page has the tags that it has with a plain word.
func TestHostileValuesEverywhere(t *testing.T) {
	plain := htmlShape(t, render(t, "html", everywhere("word")))
	for _, s := range hostile() {
		r := everywhere(s)
		for _, format := range Names {
			structure(t, format, render(t, format, r))
		}
		if got := htmlShape(t, render(t, "html", r)); got != plain {
			t.Errorf("%q changes the page:\n%s\nwith a plain word:\n%s", s, got, plain)
		}
		validate(t, "sarif-schema-2.1.0.json", render(t, "sarif", r))
		validate(t, "ocsf-1.5.0-compliance_finding.json", render(t, "ocsf", r))
	}
}

// The same with what chance puts together of hostile pieces; always the same
// chance, so that a failure comes back.
func TestRandomValues(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	pieces := append(hostile(), "a", "1", " ", "\n", "\r\n", "'", `"`, "&", "<", ">", "|", "`", "\\", ";", ",", "=", "-", "\x7f", "\u2028", "ü", "世")
	plain := htmlShape(t, render(t, "html", everywhere("word")))
	for range 50 {
		var b strings.Builder
		b.WriteString("x")
		for range 1 + chance.IntN(6) {
			b.WriteString(pieces[chance.IntN(len(pieces))])
		}
		s := b.String()[chance.IntN(2):]
		if strings.TrimSpace(s) == "" {
			continue
		}
		r := everywhere(s)
		for _, format := range Names {
			structure(t, format, render(t, format, r))
		}
		if got := htmlShape(t, render(t, "html", r)); got != plain {
			t.Errorf("%q changes the page:\n%s", s, got)
		}
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	plain := htmlShape(f, render(f, "html", everywhere("word")))
	f.Fuzz(func(t *testing.T, s string) {
		if strings.TrimSpace(s) == "" || strings.HasPrefix(s, "ENC-") {
			t.Skip("an absent value has a shape of its own, a known control, too")
		}
		r := everywhere(s)
		for _, format := range Names {
			structure(t, format, render(t, format, r))
		}
		if got := htmlShape(t, render(t, "html", r)); got != plain {
			t.Errorf("%q changes the page:\n%s", s, got)
		}
	})
}

// What a renderer would turn into links, mentions, markup or cells stays text.
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
	if got := guard(" =1"); got != " '=1" {
		t.Errorf("a formula behind a blank: %q", got)
	}
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "-": "'-", "@x": "'@x", "＝1": "'＝1", "a;=1": "a;'=1", `a";+1`: `a";'+1`,
		"a-b": "a-b", "1=1": "1=1", "arn:aws:kms:eu-west-1:1:key/a-b": "arn:aws:kms:eu-west-1:1:key/a-b", "": "",
	} {
		if got := guard(in); got != want {
			t.Errorf("guard(%q) = %q, want %q", in, got, want)
		}
	}
}
