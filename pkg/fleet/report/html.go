package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the template, the style sheet and the script of the page
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/parallel"
)

var (
	//go:embed report.html.tmpl
	pageTemplate string
	//go:embed assets/report.css
	styleSheet template.CSS
	//go:embed assets/report.js
	script template.JS
)

// page is the data of report.html.tmpl.
type page struct {
	*reportRows
	Policy string
	Style  template.CSS
	Script template.JS
}

// pageRows is the number of rows of a list that the page shows at a time. The others are in a template element, which
// the browser neither lays out nor paints, so that a report of 10,000 clusters opens quickly.
const pageRows = 100

// writeHTML writes one self-contained page. Its script adds pages, sorting and filters.
//
// The template is parsed here, and not in a variable, so that other commands do not pay for it.
func writeHTML(w io.Writer, v *reportRows) error {
	t := template.New("report").Funcs(templateFuncs())
	if _, err := t.Funcs(template.FuncMap{"rows": v.rowsFunc(t), "written": written}).Parse(pageTemplate); err != nil {
		return err
	}
	v.groupByCause()
	v.numberKeys()
	return t.Execute(w, page{v, contentPolicy(), styleSheet, script})
}

// listRow is the data of the template of a row. I is its index in its list.
type listRow struct {
	*reportRows
	I   int
	Row any
}

// rowsFunc returns a function of the template, which executes another template with each row of a list.
func (v *reportRows) rowsFunc(t *template.Template) func(name string, list any) iter.Seq2[template.HTML, error] {
	return func(name string, list any) iter.Seq2[template.HTML, error] {
		rows := reflect.ValueOf(list)
		return parallel.Map(rows.Len(), func(i int) (template.HTML, error) {
			var text strings.Builder
			if i == pageRows {
				text.WriteString("<template>")
			}
			err := t.ExecuteTemplate(&text, name, listRow{v, i, rows.Index(i).Interface()})
			if i >= pageRows && i == rows.Len()-1 {
				text.WriteString("</template>")
			}
			return template.HTML(text.String()), err //nolint:gosec // the template has escaped the values
		})
	}
}

// written ends the page if a row failed.
func written(text template.HTML, err error) (template.HTML, error) { return text, err }

// contentPolicy returns a content security policy that allows the page's own style sheet and script, and no request.
func contentPolicy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(string(styleSheet)) + "; script-src " + hash(string(script)) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
}

func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"class":        class,
		"controlParts": controlParts,
		"count":        count,
		"dash":         func(v any) string { return cmp.Or(fmt.Sprint(v), "–") },
		"day":          day,
		"daysLeft":     daysLeft,
		"expired":      expiredText,
		"failed":       func(r v1alpha1.StandardRequirement) int { return r.Results[v1alpha1.ResultFail] - r.Waived },
		"results":      func(r v1alpha1.StandardRequirement, name v1alpha1.Result) int { return r.Results[name] },
		"join":         func(values []string) string { return strings.Join(values, "; ") },
		"unreachable":  unreachableText,
		"fact":         func(name, value string) fact { return fact{name, value, 1} },
		"filter":       func(account, region string) filter { return filter{Account: account, Region: region} },
		"keyBar":       keyBar,
		"list":         func(names ...string) []string { return names },
		"location":     location,
		"moment":       moment,
		"rotation":     encryption.RotationText,
		"severityClass": func(s v1alpha1.Severity) string {
			switch s {
			case v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow:
				return "sev-" + string(s)
			}
			return "sev-none"
		},
		"severityRank": encryption.SeverityRank,
		"unenforced":   func() string { return unenforcedHint },
		"verdictText":  verdictText,
		"withReason":   withReason,
	}
}

// filter holds the values that the page's script filters a row by. An empty value is not filtered by.
type filter struct {
	Account, Region, Control string
	Severity                 v1alpha1.Severity
	Verdict                  v1alpha1.Verdict
	Cause                    string
}

// Filter returns the filter values of a cluster's row.
func (c *cluster) Filter() filter {
	return filter{Account: c.Account, Region: c.Region, Verdict: c.Item.Encryption.Verdict}
}

// RowFilter returns the filter values of a control's row.
func (v *reportRows) RowFilter(r row) filter {
	f := r.Cluster.Filter()
	f.Control, f.Severity = r.Control.ID, r.Severity
	if c := v.causeByRow[rowKey{r.Cluster.ID, r.Control.ID}]; c != nil {
		f.Cause = c.ID
	}
	return f
}

// numberKeys gives each key its place in the page.
func (v *reportRows) numberKeys() {
	v.keyIDs, v.MostClusters = map[string]string{}, 1
	for i := range v.Keys {
		v.keyIDs[v.Keys[i].ARN] = "k-" + strconv.Itoa(i+1)
		v.MostClusters = max(v.MostClusters, len(v.Keys[i].Clusters))
	}
}

// KeyAnchor returns the id of a key in the page, or "" if the page does not list it.
func (v *reportRows) KeyAnchor(arn string) string { return v.keyIDs[arn] }

// ClustersOf returns the clusters with these ids. One that the report does not list has only its name.
func (v *reportRows) ClustersOf(ids []string) []*cluster {
	clusters := make([]*cluster, len(ids))
	for i, id := range ids {
		if clusters[i] = v.index[id]; clusters[i] == nil {
			clusters[i] = clusterOf(id)
			clusters[i].AccountName = v.AccountName(clusters[i].Account)
		}
	}
	return clusters
}
