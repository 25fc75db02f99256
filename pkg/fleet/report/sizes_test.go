package report

import (
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// large returns a report of n clusters in 40 accounts: half of them with a key of AWS, a tenth with a key that is about
// to be deleted.
func large(t testing.TB, n int) *v1alpha1.AuditReport {
	t.Helper()
	r := &v1alpha1.AuditReport{StartedAt: at(t, "2026-11-24T09:58:12Z"), FinishedAt: at(t, "2026-11-24T10:03:41Z"),
		Scope:   v1alpha1.AuditScope{Regions: []string{"eu-central-1", "us-east-1"}, Controls: []string{"ENC-2", "ENC-3"}},
		Summary: v1alpha1.AuditSummary{Clusters: n, Outcome: v1alpha1.OutcomeFinding}}
	r.Scope.AccountNames = map[string]string{}
	for i := range min(n, 40) {
		account := fmt.Sprintf("1000000000%02d", i)
		r.Scope.Accounts = append(r.Scope.Accounts, account)
		r.Scope.AccountNames[account] = fmt.Sprintf("Business unit %d, production", i)
	}
	for week := range 12 {
		p := v1alpha1.AuditPoint{Time: at(t, "2026-09-08T10:00:00Z"), Outcome: v1alpha1.OutcomeFinding, Clusters: n,
			Verdicts: map[v1alpha1.Verdict]int{v1alpha1.VerdictAWSOwnedKey: n / 2,
				v1alpha1.VerdictCustomerManagedKey: n - n/2},
			Severities: map[v1alpha1.Severity]int{v1alpha1.SeverityHigh: n / 2, v1alpha1.SeverityCritical: n / (12 - week)},
			Findings:   n/2 + n/(12-week), Waived: n / 20, Answered: 80}
		p.Time.Time = p.Time.AddDate(0, 0, 7*week)
		if week == 5 {
			p.Unreachable, p.Findings, p.Severities = 9, n/3, map[v1alpha1.Severity]int{v1alpha1.SeverityHigh: n / 3}
			p.NotComparable = []string{"9 locations of the earlier audit missing"}
		}
		if week == 6 {
			p.NotComparable = []string{"9 locations missing earlier"}
		}
		r.Trend = append(r.Trend, p)
	}
	keys := map[string]int{}
	for i := range n {
		account, region := fmt.Sprintf("1000000000%02d", i%40), []string{"eu-central-1", "us-east-1"}[i%2]
		name, verdict := fmt.Sprintf("cluster-%05d", i), v1alpha1.VerdictAWSOwnedKey
		var key *v1alpha1.Key
		if i%2 == 1 {
			verdict, key = v1alpha1.VerdictCustomerManagedKey, newKey(region,
				fmt.Sprintf("%08d-1111-4222-8333-444455556666", i%400), "Enabled", v1alpha1.UsableYes, "KMS reports Enabled")
		}
		if i%10 == 1 {
			key.State, key.Usable, key.Reason = "PendingDeletion", v1alpha1.UsableNo, "the key is pending deletion"
		}
		item := newItem(name, account, region, verdict, "reason of "+name, key)
		r.Items = append(r.Items, item)
		switch {
		case key == nil:
			r.Findings = append(r.Findings, newFinding(item, "ENC-2", v1alpha1.SeverityHigh,
				"the cluster "+fmt.Sprintf("%q", name)+" has no customer-managed key",
				"Associate a key: kubectl eks-encrypt associate"))
			continue
		case key.Usable == v1alpha1.UsableNo:
			r.Findings = append(r.Findings, newFinding(item, "ENC-3", v1alpha1.SeverityCritical, key.Reason,
				"Cancel the deletion: aws kms cancel-key-deletion --key-id "+key.ARN))
		}
		j, ok := keys[key.ARN]
		if !ok {
			j = len(r.Keys)
			keys[key.ARN] = j
			r.Keys = append(r.Keys, newAuditKey(key, region))
		}
		r.Keys[j].Clusters = append(r.Keys[j].Clusters, item.Cluster.ARN)
	}
	r.Summary.Findings = len(r.Findings)
	return r
}

// TestPageSizes checks that the document of a large report has as few rows as that of a report of one page, and that
// the rest is in templates. With -pages it writes the pages for make check-html.
func TestPageSizes(t *testing.T) {
	visible := func(n int) (rows, all int) {
		text := render(t, "html", large(t, n))
		if n <= 40 { // it looks for the target of each link in the whole page
			parsePage(t, text)
		}
		if *pages != "" {
			path := filepath.Join(*pages, fmt.Sprintf("clusters-%d.html", n))
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		page, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var count func(n *html.Node, inert bool)
		count = func(n *html.Node, inert bool) {
			inert = inert || n.Type == html.ElementNode && n.Data == "template"
			for _, a := range n.Attr {
				if a.Key == "data-row" {
					all++
					if !inert {
						rows++
					}
				}
			}
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				count(c, inert)
			}
		}
		count(page, false)
		return rows, all
	}
	sizes := []int{3, 40, 1000}
	if *pages != "" {
		sizes = append(sizes, 10000)
	}
	for _, n := range sizes {
		rows, all := visible(n)
		if rows > 5*pageRows || all < 2*n {
			t.Errorf("%d clusters: %d of %d rows are in the document, want at most %d of at least %d", n, rows, all,
				5*pageRows, 2*n)
		}
	}
}

// TestCauses checks that findings with the same reason apart from names, ARNs, dates and numbers have one cause.
func TestCauses(t *testing.T) {
	v := newReportRows(large(t, 100))
	v.groupByCause()
	got := v.Causes()
	if len(got) != 2 || got[0].Control.ID != "ENC-3" || got[0].Clusters != 10 || got[1].Clusters != 50 ||
		got[1].Reason != `the cluster … has no customer-managed key` {
		t.Errorf("Causes = %+v, want 10 clusters of ENC-3 and 50 of ENC-2", got)
	}
	for reason, want := range map[string]string{
		"the key arn:aws:kms:eu-west-1:1:key/2 is Disabled":    "the key … is Disabled",
		"the key is deleted on 2026-12-01, 7 days from now":    "the key is deleted on …, … days from now",
		`kms:DescribeKey is denied for "ops" in us-gov-west-1`: "kms:DescribeKey is denied for … in …",
		"": noReason,
	} {
		if got := causeOf(row{Reason: reason}); got != want {
			t.Errorf("causeOf(%q) = %q, want %q", reason, got, want)
		}
	}
}

// TestRows compares rows that are written at the same time with those of one processor, and checks that the error of a
// row and that of the writer end the page.
func TestRows(t *testing.T) {
	r := large(t, 300)
	got := render(t, "html", r)
	processors := runtime.GOMAXPROCS(1)
	want := render(t, "html", r)
	runtime.GOMAXPROCS(processors)
	if got != want {
		t.Errorf("the page has %d bytes, and other bytes than the %d of one processor", len(got), len(want))
	}
	for _, size := range []int{0, 1, len(want) / 2, len(want) - 1} {
		w := &fullWriter{size: size}
		if err := writeHTML(w, newReportRows(r)); !errors.Is(err, errFull) || w.String() != want[:size] {
			t.Errorf("a writer of %d bytes: %v, and %d bytes", size, err, w.Len())
		}
	}
	page := template.New("page")
	page.Funcs(template.FuncMap{"rows": newReportRows(r).rowsFunc(page), "written": written})
	template.Must(page.Parse(`{{range $text, $err := rows "row" .}}{{written $text $err}}{{end}}` +
		`{{define "row"}}{{slice .Row 0 2}},{{end}}`))
	var text strings.Builder
	if err := page.Execute(&text, []string{"<a", "<b", "", "<d"}); err == nil || text.String() != "&lt;a,&lt;b," {
		t.Errorf("rows before a broken one = %q, %v", &text, err)
	}
}
