package fleet

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const reportHead = `"apiVersion": "eks-encrypt/v1alpha1", "kind": "AuditReport"`

func TestParseReportStrict(t *testing.T) {
	for text, want := range map[string]string{
		"{" + reportHead + "}":                                     "",
		"\n {" + reportHead + "}\n":                                "",
		"---\napiVersion: eks-encrypt/v1alpha1\nkind: AuditReport": "",
		" \n":                     "the file is empty",
		"{" + reportHead + "} {}": "after top-level value",
		"{" + reportHead:          "unexpected end",
		"{" + reportHead + `, "items": [], "items": []}`:                  `duplicate field "items"`,
		"{" + reportHead + `, "finishedAt": "tomorrow"}`:                  "tomorrow",
		"kind: AuditReport\nkind: AuditReport":                            `"kind" already set`,
		"kind: AuditReport\n---\nkind: AuditReport":                       "several YAML documents",
		"{" + reportHead + `, "Items": [{}]}`:                             "unknown Items",
		"{" + reportHead + `, "items": [{"cluster": {"colour": "red"}}]}`: "unknown items[0].cluster.colour",
	} {
		_, unknown, err := ParseReportStrict([]byte(text))
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case len(unknown) > 0:
			got = "unknown " + strings.Join(unknown, " ")
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("ParseReportStrict(%q) = %q, want %q", text, got, want)
		}
	}
}

// FuzzMerge checks that whatever a report contains, it is refused, or merged and judged without a panic, and that the
// result can be merged again to the same clusters.
func FuzzMerge(f *testing.F) {
	for _, value := range hostile.Values()[:4] {
		var r v1alpha1.AuditReport
		hostile.Fill(&r, value)
		r.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindAuditReport)
		raw, err := json.Marshal(&r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte("{" + reportHead + `, "scope": {"shard": "0/3"}, "unreachable": [{"missing": "shard 1/3, x"}, {}]}`))
	f.Add([]byte("apiVersion: eks-encrypt/v1alpha1\nkind: AuditReport\n" +
		"notes: [\"shard 0/2: 1 of 99999999999999999999 accounts\"]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseReport(raw)
		if err != nil {
			return
		}
		rules, _, err := RecordedRules([]*v1alpha1.AuditReport{r, r})
		if err != nil {
			rules = Rules{}
		}
		rules.Now = now
		once := judge(rules, r, r)
		if again := judge(rules, once); len(again.Items) != len(once.Items) {
			t.Errorf("%d items, merged again %d", len(once.Items), len(again.Items))
		}
		Compare(once, judge(rules, r))
	})
}
