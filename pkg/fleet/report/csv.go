package report

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// csvHeader names the columns. One row is one control of one cluster, or one
// place that could not be asked, so that nobody counts the rest as everything.
func csvHeader() []string {
	return []string{"outcome", "cluster", "name", "account", "region", "kubernetes", "verdict", "scope", "key", "key_state",
		"key_usable", "control", "title", "result", "severity", "reason", "remedy", "waiver_owner", "waiver_expires",
		"waiver_reason", "standards"}
}

func writeCSV(w io.Writer, v *reportRows) error {
	out := csv.NewWriter(w)
	if err := out.Write(csvHeader()); err != nil {
		return err
	}
	for _, r := range v.rows() {
		if err := out.Write(guarded(csvRow(r))); err != nil {
			return err
		}
	}
	for _, u := range v.Unreachable {
		record := make([]string, len(csvHeader()))
		record[0], record[1], record[3], record[4], record[15] = "Unreachable", u.Context, u.Account, u.Region, u.Reason
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

// guarded makes every cell text: a quote in front is what spreadsheets know as
// "this is no formula".
func guarded(cells []string) []string {
	out := make([]string, 0, len(cells))
	for _, cell := range cells {
		out = append(out, guard(cell))
	}
	return out
}

// The wide signs are those of East Asian keyboards.
const formulaSigns = "=+-@＝＋－＠"

// guard sets the quote where the cell begins with what begins a formula, and
// behind whatever a program may split the line at that expects another separator.
func guard(cell string) string {
	if !strings.ContainsAny(cell, formulaSigns) {
		return cell
	}
	var b strings.Builder
	begins := true
	for _, r := range cell {
		if begins && strings.ContainsRune(formulaSigns, r) {
			b.WriteByte('\'')
		}
		b.WriteRune(r)
		begins = strings.ContainsRune(`;,|"`, r) || begins && unicode.IsSpace(r)
	}
	return b.String()
}
