package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// AssociationPlan describes the association of a key with a cluster, and the checks
// that were made before any request that changes something.
type AssociationPlan struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Provenance        `json:",inline"`

	Cluster Cluster     `json:"cluster"`
	Key     KeyListItem `json:"key"`
	// Decision is Associate, Adopt, Done or Refuse.
	Decision string `json:"decision,omitempty"`
	// Verdict is that on the cluster before the association. It is absent if EKS did not
	// describe the cluster.
	Verdict Verdict `json:"verdict,omitempty"`
	// Update is the association in progress, or else the most recent one.
	Update *Update  `json:"update,omitempty"`
	Checks []Check  `json:"checks"`
	Drift  Drift    `json:"drift"`
	Steps  []string `json:"steps,omitempty"`
}

// Check is one precondition of the plan.
type Check struct {
	Name    string `json:"name"`
	Result  Result `json:"result"`
	Message string `json:"message"`
	// Remedy is the next step if the check did not pass.
	Remedy string `json:"remedy,omitempty"`
	// Statements are what the remedy adds to the key policy.
	Statements []PolicyStatement `json:"statements,omitempty"`
}

// Drift describes what the tool that manages the cluster will do after the change.
type Drift struct {
	Tool        Tool       `json:"tool"`
	Confidence  Confidence `json:"confidence,omitempty"`
	Destructive bool       `json:"destructive"`
	Consequence string     `json:"consequence"`
	Remedy      string     `json:"remedy,omitempty"`
	// Snippet is code to paste, with the values of this cluster filled in.
	Snippet string `json:"snippet,omitempty"`
}

// DeepCopyObject makes the plan a runtime.Object, which the kubectl printers need.
func (p *AssociationPlan) DeepCopyObject() runtime.Object { return deepCopy(p) }
