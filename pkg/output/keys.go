package output

import (
	"io"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// KeyColumns say what the table of keys tells besides the usual.
type KeyColumns struct {
	// UsedBy adds the clusters that use each key; UsersUnknown says that they
	// couldn't be told.
	UsedBy, UsersUnknown bool
	Wide                 bool
}

// KeyTable writes one row a key: eligible, or why not.
func KeyTable(w io.Writer, l *v1alpha1.KeyList, columns KeyColumns) error {
	headers := []string{"ALIAS", "KEY", "ELIGIBLE", "STATE", "ROTATION", "PALETTE"}
	if columns.Wide {
		headers = append(headers, "SPEC", "USAGE", "MANAGER", "ORIGIN", "MULTI-REGION")
	}
	if columns.UsedBy {
		headers = append(headers, "USED-BY")
	}
	t := NewTable(append(headers, "WHY")...)
	for i := range l.Items {
		k := &l.Items[i]
		key := k.ARN
		if !columns.Wide {
			key = key[strings.LastIndexByte(key, '/')+1:]
		}
		row := []string{strings.Join(k.Aliases, ","), key, yesNo(k.Eligible), k.State, keyRotation(k), yesNo(k.PaletteUsable)}
		if columns.Wide {
			row = append(row, k.Spec, k.Usage, k.Manager, k.Origin, yesNo(k.MultiRegion))
		}
		switch {
		case columns.UsedBy && columns.UsersUnknown:
			row = append(row, Unknown)
		case columns.UsedBy:
			row = append(row, clusterNames(k.UsedBy))
		}
		t.Row(append(row, why(k))...)
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

// why are the reasons against a key, or what should be known of one that will do.
func why(k *v1alpha1.KeyListItem) string {
	text := strings.Join(append(append([]string{}, k.Reasons...), k.Warnings...), "; ")
	if k.Eligible && text != "" {
		return "but " + text
	}
	return text
}

// keyRotation tells what is unknown from what there can't be: KMS rotates by itself
// only symmetric keys whose material it made.
func keyRotation(k *v1alpha1.KeyListItem) string {
	switch {
	case k.Rotation != nil || k.State == "":
		return Rotation(k.Rotation)
	case k.Manager == "AWS":
		return "by AWS"
	case k.Spec != "SYMMETRIC_DEFAULT" || k.Origin != "AWS_KMS" || k.State != "Enabled" && k.State != "Disabled":
		return "n/a"
	}
	return Rotation(nil)
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
