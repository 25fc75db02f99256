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

var (
	// yamlStart matches the start of the first YAML document: comments and directives, and a line that ends them.
	yamlStart = regexp.MustCompile(`^\x{feff}?(\s*[#%].*\n)*\s*---(\s|$)`)
	// yamlDocument matches the line between two YAML documents.
	yamlDocument = regexp.MustCompile(`(?m)^---(\s|$)`)
)

// ParseReport parses an audit report in JSON or YAML.
func ParseReport(data []byte) (*v1alpha1.AuditReport, error) {
	r, _, err := ParseReportStrict(data)
	return r, err
}

// ParseReportStrict is like ParseReport, and returns the fields that this version does not know.
func ParseReportStrict(data []byte) (r *v1alpha1.AuditReport, unknown []string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil, errors.New("the file is empty")
	}
	r = &v1alpha1.AuditReport{}
	if unknown, err = unmarshal(data, r); err != nil {
		return nil, nil, err
	}
	if want := v1alpha1.TypeMeta(v1alpha1.KindAuditReport); r.Kind != want.Kind || r.APIVersion != want.APIVersion {
		return nil, nil, fmt.Errorf("unexpected kind: apiVersion %q, kind %q, want %s, %s",
			r.APIVersion, r.Kind, want.APIVersion, want.Kind)
	}
	return r, unknown, nil
}

// unmarshal parses one JSON value or YAML document. The names of fields are case-sensitive, and none may occur twice.
// It returns the fields that the value does not have.
func unmarshal(data []byte, value any) (unknown []string, err error) {
	data = bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(data, []byte("{")):
	case yamlDocument.Match(data[len(yamlStart.Find(data)):]):
		return nil, errors.New("the file contains several YAML documents")
	default:
		if data, err = yaml.YAMLToJSONStrict(data); err != nil {
			return nil, err
		}
	}
	strict, err := json.UnmarshalStrict(data, value)
	if err != nil {
		return nil, err
	}
	for _, err := range strict {
		field, isUnknown := strings.CutPrefix(err.Error(), "unknown field ")
		if !isUnknown {
			return nil, err // a duplicate field
		}
		unknown = append(unknown, strings.Trim(field, `"`))
	}
	return unknown, nil
}
