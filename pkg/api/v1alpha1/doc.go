// Package v1alpha1 holds the reports of kubectl eks-encrypt: what -o json and
// -o yaml print, and what other programs may rely on.
//
// The group is stable in one direction: fields are added, never renamed,
// removed or given another meaning. A field that is absent was not established;
// it never means "no". No report ever carries the value of a Secret.
package v1alpha1

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the apiVersion of every report.
var GroupVersion = schema.GroupVersion{Group: "eks-encrypt", Version: "v1alpha1"}

// Kinds of the reports.
const (
	KindEncryptionReport     = "EncryptionReport"
	KindEncryptionReportList = "EncryptionReportList"
	KindCoverageReport       = "CoverageReport"
	KindKeyList              = "KeyList"
	KindAuditReport          = "AuditReport"
	KindAssociationPlan      = "AssociationPlan"
)

// TypeMeta returns the apiVersion and kind that a report of the kind carries.
func TypeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: GroupVersion.String(), Kind: kind}
}

// deepCopy copies by way of JSON, which every report is made for; it serves the
// kubectl printers, never a hot path.
func deepCopy[T any](in *T) *T {
	raw, err := json.Marshal(in)
	out := new(T)
	if err == nil {
		err = json.Unmarshal(raw, out)
	}
	if err != nil {
		panic(fmt.Sprintf("copying %T: %v", in, err)) // a report that is not JSON is a bug of ours
	}
	return out
}
