package report

import (
	"bytes"
	"encoding/json"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// clean returns a copy of the report with every string cleaned. It walks the JSON tree, so that it also cleans fields
// that are added later.
func clean(r *v1alpha1.AuditReport) (*v1alpha1.AuditReport, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if raw, err = json.Marshal(cleanTree(tree)); err != nil {
		return nil, err
	}
	out := &v1alpha1.AuditReport{}
	return out, json.Unmarshal(raw, out)
}

func cleanTree(v any) any {
	switch v := v.(type) {
	case string:
		return output.Clean(v)
	case []any:
		for i := range v {
			v[i] = cleanTree(v[i])
		}
		return v
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, value := range v {
			m[output.Clean(key)] = cleanTree(value)
		}
		return m
	}
	return v
}
