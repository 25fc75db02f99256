package output

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// KeyColumns selects additional columns of the table of keys.
type KeyColumns struct {
	// UsedBy adds a column with the clusters that use each key. UsersUnknown means that
	// they could not be determined.
	UsedBy, UsersUnknown bool
	// Wide adds the columns spec, usage, manager, origin, multi-region, created, description, tags and replicas.
	Wide bool
}

// KeyTable writes a table with one row for each key, its eligibility and the reasons.
func KeyTable(w io.Writer, l *v1alpha1.KeyList, columns KeyColumns) error {
	headers := []string{"ALIAS", "KEY", "ELIGIBLE", "STATE", "ROTATION", "PALETTE"}
	if columns.Wide {
		headers = append(headers, "SPEC", "USAGE", "MANAGER", "ORIGIN", "MULTI-REGION", "REPLICAS", "CREATED", "TAGS",
			"DESCRIPTION")
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
		row := []string{strings.Join(k.Aliases, ","), key, yesNo(k.Eligible), k.State, keyRotation(k),
			paletteText(k)}
		if columns.Wide {
			row = append(row, k.Spec, k.Usage, k.Manager, k.Origin, yesNo(k.MultiRegion))
			row = append(row, wideCells(k)...)
		}
		switch {
		case columns.UsedBy && columns.UsersUnknown:
			row = append(row, Unknown)
		case columns.UsedBy:
			row = append(row, clusterNames(k.UsedBy))
		}
		t.Row(append(row, why(k))...)
	}
	e := newTextWriter(w)
	e.do(t.Print)
	e.notes(l.Notes)
	return e.err
}

// wideCells returns the replicas' regions, the date of creation, the tags and the description.
func wideCells(k *v1alpha1.KeyListItem) []string {
	var regions []string
	for _, replica := range k.Replicas {
		if parts := strings.Split(replica, ":"); len(parts) > 3 {
			regions = append(regions, parts[3])
		}
	}
	created := ""
	if k.CreationDate != nil {
		created = k.CreationDate.UTC().Format(time.DateOnly)
	}
	return []string{strings.Join(regions, ","), created, tagList(k.Tags), k.Description}
}

// paletteText states what Palette needs to use the key. Its controller policy allows only keys with a certain alias;
// the page on the encryption of secrets has a statement for all others.
func paletteText(k *v1alpha1.KeyListItem) string {
	switch k.Palette {
	case v1alpha1.PaletteYes:
		return "yes"
	case v1alpha1.PaletteWithStatement:
		return "with the page's statement"
	case v1alpha1.PaletteNo:
		return "no"
	}
	return ""
}

// why returns the reasons why a key is not eligible, or the warnings for an eligible one.
func why(k *v1alpha1.KeyListItem) string {
	text := strings.Join(append(append([]string{}, k.Reasons...), k.Warnings...), "; ")
	if k.Eligible && text != "" {
		return "but " + text
	}
	return text
}

// keyRotation returns the rotation of a key in words, "n/a" if KMS cannot rotate it: KMS
// rotates only symmetric keys whose material it created.
func keyRotation(k *v1alpha1.KeyListItem) string {
	switch {
	case k.Rotation != nil || k.State == "":
		return encryption.RotationText(k.Rotation)
	case k.Manager == "AWS":
		return "by AWS"
	case k.Spec != "SYMMETRIC_DEFAULT" || k.Origin != "AWS_KMS" || k.State != "Enabled" && k.State != "Disabled":
		return "n/a"
	}
	return encryption.RotationText(nil)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// clusterNames returns the names in the ARNs, at most three.
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
