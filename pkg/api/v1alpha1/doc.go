// Package v1alpha1 defines the reports of kubectl eks-encrypt, as -o json and -o yaml
// print them. Other programs may rely on them.
//
// Changes are additive: fields are never renamed, removed or given another meaning. An
// absent field means that its value was not established; it never means "no". No report
// contains the value of a Secret.
package v1alpha1

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the apiVersion of every report.
var GroupVersion = schema.GroupVersion{Group: "eks-encrypt", Version: "v1alpha1"}

// The kinds of reports; each is the kind field of one type.
const (
	KindEncryptionReport     = "EncryptionReport"
	KindEncryptionReportList = "EncryptionReportList"
	KindCoverageReport       = "CoverageReport"
	KindKeyList              = "KeyList"
	KindKeyReport            = "KeyReport"
	KindAuditReport          = "AuditReport"
	KindAssociationPlan      = "AssociationPlan"
	KindEvidenceReport       = "EvidenceReport"
)

// TypeMeta returns the apiVersion and kind of a report of this kind.
func TypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: kind}
}

// deepCopy copies through JSON, which every report supports. Only the kubectl printers
// use it, so speed does not matter.
func deepCopy[T any](in *T) *T {
	raw, err := json.Marshal(in)
	out := new(T)
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		panic(fmt.Sprintf("copying %T: %v", in, err)) // a report that does not marshal is a bug
	}
	return out
}
