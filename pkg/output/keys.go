package output

import (
	"io"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// KeyTable writes one row a key: eligible, or why not. usedBy adds the clusters
// that use it.
func KeyTable(w io.Writer, l *v1alpha1.KeyList, usedBy, wide bool) error {
	headers := []string{"ALIAS", "KEY", "ELIGIBLE", "STATE", "ROTATION", "PALETTE"}
	if wide {
		headers = append(headers, "SPEC", "USAGE", "MANAGER", "ORIGIN", "MULTI-REGION")
	}
	if usedBy {
		headers = append(headers, "USED-BY")
	}
	t := NewTable(append(headers, "WHY")...)
	for i := range l.Items {
		k := &l.Items[i]
		key := k.ARN
		if !wide {
			key = key[strings.LastIndexByte(key, '/')+1:]
		}
		row := []string{strings.Join(k.Aliases, ","), key, yesNo(k.Eligible), k.State, rotation(k.Rotation), yesNo(k.PaletteUsable)}
		if wide {
			row = append(row, k.Spec, k.Usage, k.Manager, k.Origin, yesNo(k.MultiRegion))
		}
		if usedBy {
			row = append(row, clusterNames(k.UsedBy))
		}
		t.Row(append(row, strings.Join(append(append([]string{}, k.Reasons...), k.Warnings...), "; "))...)
	}
	e := &errWriter{w: w}
	e.do(t.Print)
	for i, note := range l.Notes {
		if i == 0 {
			e.line("")
		}
		e.line("Note: " + Clean(note))
	}
	return e.err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// clusterNames are the names in the ARNs, as many as fit.
func clusterNames(arns []string) string {
	const most = 3
	var names []string
	for i, arn := range arns {
		if i == most {
			names = append(names, "+"+strconv.Itoa(len(arns)-most))
			break
		}
		names = append(names, arn[strings.LastIndexByte(arn, '/')+1:])
	}
	return strings.Join(names, ",")
}
