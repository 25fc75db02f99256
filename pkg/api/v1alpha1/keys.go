package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Key is a KMS key as KMS describes it. Words such as state, spec, usage,
// manager and origin are KMS's own, passed on unchanged.
type Key struct {
	ARN     string   `json:"arn"`
	Aliases []string `json:"aliases,omitempty"`
	Account string   `json:"account,omitempty"`
	State   string   `json:"state,omitempty"`
	// Usable says whether EKS can use the key now; Unknown where KMS could not
	// be asked.
	Usable Usable `json:"usable"`
	// Reason says why it is (not) usable, or why that is unknown.
	Reason      string `json:"reason,omitempty"`
	Manager     string `json:"manager,omitempty"`
	Spec        string `json:"spec,omitempty"`
	Usage       string `json:"usage,omitempty"`
	Origin      string `json:"origin,omitempty"`
	MultiRegion bool   `json:"multiRegion,omitempty"`
	// DeletionDate is when KMS will delete a key that is pending deletion.
	DeletionDate *metav1.Time `json:"deletionDate,omitempty"`
	// ValidTo is when imported key material expires.
	ValidTo  *metav1.Time `json:"validTo,omitempty"`
	Rotation *Rotation    `json:"rotation,omitempty"`
}

// Usable is a yes or no that may be unknown.
type Usable string

// Usables.
const (
	UsableYes     Usable = "Yes"
	UsableNo      Usable = "No"
	UsableUnknown Usable = "Unknown"
)

// Rotation is the automatic rotation of a key; absent where it is unknown.
type Rotation struct {
	Enabled    bool  `json:"enabled"`
	PeriodDays int32 `json:"periodDays,omitempty"`
}

// KeyList is the drop-down in the open: every key of the cluster's region,
// eligible or why not.
type KeyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Region  string        `json:"region,omitempty"`
	Account string        `json:"account,omitempty"`
	Items   []KeyListItem `json:"items"`
	// Notes say what could not be read, and why.
	Notes []string `json:"notes,omitempty"`
}

// KeyListItem is one key and whether a cluster of the region can take it.
type KeyListItem struct {
	ARN      string   `json:"arn"`
	Aliases  []string `json:"aliases,omitempty"`
	Eligible bool     `json:"eligible"`
	// Reasons say why it is not eligible, all of them.
	Reasons []string `json:"reasons,omitempty"`
	// Warnings do not stand in the way, but should be known.
	Warnings    []string `json:"warnings,omitempty"`
	State       string   `json:"state,omitempty"`
	Spec        string   `json:"spec,omitempty"`
	Usage       string   `json:"usage,omitempty"`
	Manager     string   `json:"manager,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	MultiRegion bool     `json:"multiRegion,omitempty"`
	// PaletteUsable says whether the key's alias has the prefix that Palette's
	// own policy asks for.
	PaletteUsable bool      `json:"paletteUsable"`
	Rotation      *Rotation `json:"rotation,omitempty"`
	// UsedBy are the ARNs of the clusters of the region that use the key, where
	// that was asked for.
	UsedBy []string `json:"usedBy,omitempty"`
}

// DeepCopyObject makes the list printable by the kubectl printers.
func (l *KeyList) DeepCopyObject() runtime.Object { return deepCopy(l) }
