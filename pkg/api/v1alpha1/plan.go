package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AssociationPlan is what associating a key with a cluster would do, checked
// before anything is sent.
type AssociationPlan struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Cluster Cluster     `json:"cluster"`
	Key     KeyListItem `json:"key"`
	Checks  []Check     `json:"checks"`
	Drift   Drift       `json:"drift"`
	Steps   []string    `json:"steps,omitempty"`
}

// Check is one precondition of the plan.
type Check struct {
	Name    string `json:"name"`
	Result  Result `json:"result"`
	Message string `json:"message"`
	// Remedy is what to do about a check that did not pass.
	Remedy string `json:"remedy,omitempty"`
}

// Drift is what the tool that manages the cluster will do after the change.
type Drift struct {
	Tool        Tool       `json:"tool"`
	Confidence  Confidence `json:"confidence,omitempty"`
	Destructive bool       `json:"destructive"`
	Consequence string     `json:"consequence"`
	Remedy      string     `json:"remedy,omitempty"`
	// Snippet is ready to paste, with the values of this cluster filled in.
	Snippet string `json:"snippet,omitempty"`
}

// DeepCopyObject makes the plan printable by the kubectl printers.
func (p *AssociationPlan) DeepCopyObject() runtime.Object { return deepCopy(p) }
