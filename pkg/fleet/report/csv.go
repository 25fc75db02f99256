package report

import (
	"encoding/csv"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// csvHeader returns the columns. One row is one control of one cluster, or one location that could not be queried:
// without these rows the file would look complete. The last rows are the origin of the report.
func csvHeader() []string {
	return []string{"outcome", "cluster", "name", "account", "region", "kubernetes", "verdict", "scope", "key",
		"key_state", "key_usable", "control", "title", "result", "severity", "reason", "remedy", "waiver_owner",
		"waiver_expires", "waiver_reason", "standards", "audited", "caller", "program"}
}

func writeCSV(w io.Writer, v *reportRows) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader()); err != nil {
		return err
	}
	audited := ""
	if at := v.At(); at.Unix() != 0 {
		audited = at.Format(time.RFC3339)
	}
	origin := []string{audited, v.callerARN(), v.toolVersion()}
	for r := range v.each() {
		if err := out.Write(guarded(append(csvRow(r), origin...))); err != nil {
			return err
		}
	}
	for _, u := range v.Unreachable {
		record := make([]string, len(csvHeader()))
		record[0], record[1], record[3], record[4] = "Unreachable", u.Context, u.Account, u.Region
		record[15] = u.Reason
		copy(record[len(record)-len(origin):], origin)
		if u.Waiver != nil {
			record[17], record[18], record[19] = u.Waiver.Owner, day(u.Waiver.Expires), u.Waiver.Reason
		}
		if err := out.Write(guarded(record)); err != nil {
			return err
		}
	}
	for _, f := range v.origin { // the file has no other place for it
		record := make([]string, len(csvHeader()))
		record[0], record[2], record[15] = "Provenance", f.Name, f.Value
		if err := out.Write(guarded(record)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvRow(r row) []string {
	item, waiver, key := r.Cluster.Item, r.Waiver, &v1alpha1.Key{}
	if item.Key != nil {
		key = item.Key
	}
	if waiver == nil {
		waiver = &v1alpha1.Waived{}
	}
	return []string{string(r.State), r.Cluster.ID, r.Cluster.Name, r.Cluster.Account, r.Cluster.Region,
		item.Cluster.KubernetesVersion, string(item.Encryption.Verdict), string(item.Encryption.Scope),
		item.Encryption.KeyARN, key.State, string(key.Usable), r.Control.ID, r.Control.Name, string(r.Control.Result),
		string(r.Severity), r.Reason, r.Remedy, waiver.Owner, day(waiver.Expires), waiver.Reason,
		strings.Join(r.Control.Standards, "; ")}
}

// guarded returns the cells guarded against spreadsheet formulas.
func guarded(cells []string) []string {
	out := make([]string, 0, len(cells))
	for _, cell := range cells {
		out = append(out, guard(cell))
	}
	return out
}

// isFormulaSign reports whether r starts a formula. The wide signs are those of East Asian keyboards.
func isFormulaSign(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// guard puts a quote, which marks text in spreadsheets, before a sign that starts a formula: at the start of the cell,
// and after every character that a program with another separator could split at.
func guard(cell string) string {
	if !strings.ContainsFunc(cell, isFormulaSign) {
		return cell
	}
	var b strings.Builder
	begins := true
	for _, r := range cell {
		if begins && isFormulaSign(r) {
			b.WriteByte('\'')
		}
		b.WriteRune(r)
		switch r {
		case ';', ',', '|', '"':
			begins = true
		default:
			begins = begins && unicode.IsSpace(r)
		}
	}
	return b.String()
}
