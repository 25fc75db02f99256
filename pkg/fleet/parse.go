package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// yamlDocument matches the line between two YAML documents.
var yamlDocument = regexp.MustCompile(`(?m)^---(\s|$)`)

// ParseReport parses an audit report in JSON or YAML.
func ParseReport(data []byte) (*v1alpha1.AuditReport, error) {
	r, _, err := ParseReportStrict(data)
	return r, err
}

// ParseReportStrict is like ParseReport, and returns the fields that this version does not know.
func ParseReportStrict(data []byte) (r *v1alpha1.AuditReport, unknown []string, err error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, nil, errors.New("the file is empty")
	case data[0] == '{':
	case yamlDocument.Match(bytes.TrimPrefix(data, []byte("---"))):
		return nil, nil, errors.New("the file contains several YAML documents")
	default:
		if data, err = yaml.YAMLToJSONStrict(data); err != nil {
			return nil, nil, err
		}
	}
	r = &v1alpha1.AuditReport{}
	strict, err := json.UnmarshalStrict(data, r)
	if err != nil {
		return nil, nil, err
	}
	if want := v1alpha1.TypeMeta(v1alpha1.KindAuditReport); r.Kind != want.Kind || r.APIVersion != want.APIVersion {
		return nil, nil, fmt.Errorf("unexpected kind: apiVersion %q, kind %q, want %s, %s",
			r.APIVersion, r.Kind, want.APIVersion, want.Kind)
	}
	for _, err := range strict {
		field, isUnknown := strings.CutPrefix(err.Error(), "unknown field ")
		if !isUnknown {
			return nil, nil, err // a duplicate field
		}
		unknown = append(unknown, strings.Trim(field, `"`))
	}
	return r, unknown, nil
}
