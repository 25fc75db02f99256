package report

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// parsePage returns the tags of a page in order, with the names of their attributes. It fails the test on anything that
// runs, loads or leads away.
func parsePage(t testing.TB, text string) string {
	t.Helper()
	var tags strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return tags.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			tags.WriteString("<" + token.Data)
			seen := map[string]bool{}
			for _, a := range token.Attr {
				tags.WriteString(" " + a.Key)
				if seen[a.Key] {
					t.Errorf("<%s> has two attributes %s", token.Data, a.Key)
				}
				seen[a.Key] = true
				switch {
				case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "src", a.Key == "srcdoc",
					a.Key == "action":
					t.Errorf("the page contains <%s %s=%q>", token.Data, a.Key, a.Val)
				case a.Key == "href" && a.Val != "data:,":
					path, _, _ := strings.Cut(a.Val, "?") // the script reads the rest
					if id, ok := strings.CutPrefix(path, "#"); !ok || !strings.Contains(text, ` id="`+id+`"`) {
						t.Errorf("the page contains a link to %q", a.Val)
					}
				case a.Key == "class" || a.Key == "id":
					tags.WriteString("=" + a.Val)
				}
			}
			tags.WriteString(">")
		case html.EndTagToken:
			tags.WriteString("</" + z.Token().Data + ">")
		}
	}
}

func node(t *testing.T, n *html.Node, name string) *html.Node {
	t.Helper()
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			return d
		}
	}
	t.Fatalf("the page has no <%s>", name)
	return nil
}

// TestContentPolicy checks that the hashes in the policy match the page's style sheet and script: the browser ignores
// both otherwise.
func TestContentPolicy(t *testing.T) {
	page, err := html.Parse(strings.NewReader(render(t, "html", fixture(t))))
	if err != nil {
		t.Fatal(err)
	}
	policy := ""
	for d := range page.Descendants() {
		if d.Data == "meta" && d.Attr[0].Val == "Content-Security-Policy" {
			policy = d.Attr[1].Val
		}
	}
	for _, name := range []string{"style", "script"} {
		sum := sha256.Sum256([]byte(node(t, page, name).FirstChild.Data))
		want := name + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
		if !strings.Contains(policy, want) {
			t.Errorf("policy = %q, want %s in it", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("policy = %q, want default-src 'none'", policy)
	}
}

// TestPageShowsValues checks that a hostile value is still readable, with its control characters replaced.
func TestPageShowsValues(t *testing.T) {
	for _, s := range hostile.Values() {
		page, err := html.Parse(strings.NewReader(render(t, "html", everywhere(s))))
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for d := range node(t, page, "main").Descendants() {
			if d.Type == html.TextNode {
				text.WriteString(d.Data)
			}
		}
		if want := sanitize.Line(s); !strings.Contains(text.String(), want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
}

func TestHeadline(t *testing.T) {
	finding := []v1alpha1.Finding{{Cluster: "a", Control: "ENC-1"}}
	items := []v1alpha1.EncryptionReport{{}, {}}
	holds := v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeHolds}
	incomplete := v1alpha1.AuditSummary{Outcome: v1alpha1.OutcomeCannotTell}
	for want, r := range map[string]*v1alpha1.AuditReport{
		"1 finding in 1 of 1 cluster":                        {Findings: finding},
		"No open findings in 2 clusters":                     {Items: items},
		"No regressions; 1 known finding in 1 of 3 clusters": {Items: items, Findings: finding, Summary: holds},
		"Incomplete: 1 undecided control in 1 of 1 cluster":  {Undecided: finding},
		"Incomplete: 1 location could not be queried":        {Unreachable: []v1alpha1.Unreachable{{Region: "x"}}},
		"Incomplete: no cluster was found":                   {},
		"Incomplete: not every result is known":              {Items: items, Summary: incomplete},
	} {
		if got := newReportRows(r).Headline(); got != want {
			t.Errorf("Headline = %q, want %q", got, want)
		}
	}
}

// TestControlChart checks that the chart counts as failures only the findings that the headline counts.
func TestControlChart(t *testing.T) {
	cluster := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{ARN: "a", Name: "a"}, Controls: []v1alpha1.Control{
		{ID: "ENC-1", Name: "x", Result: v1alpha1.ResultFail}, {ID: "ENC-2", Name: "y", Result: v1alpha1.ResultFail}}}
	r := &v1alpha1.AuditReport{Items: []v1alpha1.EncryptionReport{cluster},
		Findings: []v1alpha1.Finding{{Cluster: "a", Control: "ENC-1"}},
		Scope:    v1alpha1.AuditScope{Controls: []string{"ENC-1"}}}
	got := map[string]string{}
	for _, line := range newReportRows(r).ControlLines() {
		got[line.ID] = line.Bar.Label
	}
	if got["ENC-1"] != "ENC-1 x: 1 fail" || got["ENC-2"] != "ENC-2 y: 1 fail, not enforced" {
		t.Errorf("chart = %q, want one failure, and one that is not enforced", got)
	}
}

// TestOrder checks that the lists keep the order of the report.
func TestOrder(t *testing.T) {
	r := fixture(t)
	r.Findings[0], r.Findings[1] = r.Findings[1], r.Findings[0]
	rows := newReportRows(r).listed(stateFinding)
	if len(rows) != 2 || rows[0].Control.ID != "ENC-6" || rows[1].Control.ID != "ENC-3" {
		t.Errorf("listed = %v, want ENC-6 and ENC-3", rows)
	}
}
