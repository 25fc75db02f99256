package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Key is a KMS key. State, spec, usage, manager and origin are the values that KMS
// returned, unchanged.
type Key struct {
	ARN     string   `json:"arn"`
	Aliases []string `json:"aliases,omitempty"`
	Account string   `json:"account,omitempty"`
	State   string   `json:"state,omitempty"`
	// Usable states whether EKS can use the key now. It is Unknown if KMS could not be
	// queried.
	Usable Usable `json:"usable"`
	// Reason explains why the key is not usable, or why this is unknown.
	Reason      string `json:"reason,omitempty"`
	Manager     string `json:"manager,omitempty"`
	Spec        string `json:"spec,omitempty"`
	Usage       string `json:"usage,omitempty"`
	Origin      string `json:"origin,omitempty"`
	MultiRegion bool   `json:"multiRegion,omitempty"`
	// DeletionDate is the time at which KMS will delete a key that is pending deletion.
	DeletionDate *metav1.Time `json:"deletionDate,omitempty"`
	// ValidTo is the time at which imported key material expires.
	ValidTo *metav1.Time `json:"validTo,omitempty"`
	// MaterialDaysLeft is the number of whole days until then, negative after it.
	MaterialDaysLeft *int      `json:"materialDaysLeft,omitempty"`
	Rotation         *Rotation `json:"rotation,omitempty"`
	KeyDetails
}

// KeyDetails are the facts by which people recognize a key.
type KeyDetails struct {
	Description  string       `json:"description,omitempty"`
	CreationDate *metav1.Time `json:"creationDate,omitempty"`
	// Primary is the ARN of the primary key of a multi-Region key, and Replicas are the
	// ARNs of its replicas.
	Primary  string   `json:"primary,omitempty"`
	Replicas []string `json:"replicas,omitempty"`
}

// Usable states whether EKS can use a key.
type Usable string

// The values of Usable: EKS can use the key, cannot use it, or this is unknown.
const (
	UsableYes     Usable = "Yes"
	UsableNo      Usable = "No"
	UsableUnknown Usable = "Unknown"
)

// Rotation is the automatic rotation of a key. It is absent if it is unknown.
type Rotation struct {
	Enabled    bool  `json:"enabled"`
	PeriodDays int32 `json:"periodDays,omitempty"`
	// NextDate is when KMS rotates the key next.
	NextDate *metav1.Time `json:"nextDate,omitempty"`
	// OnDemandStarted is when a rotation on demand began that has not ended.
	OnDemandStarted *metav1.Time `json:"onDemandStarted,omitempty"`
}

// Rotations are the rotations that KMS has completed for a key. They give it new material under the same ARN and keep
// the old material for decryption, so that they make no object stale.
type Rotations struct {
	Automatic int `json:"automatic"`
	// OnDemand is how many rotations were requested, of OnDemandLimit that KMS allows for a key.
	OnDemand      int `json:"onDemand"`
	OnDemandLimit int `json:"onDemandLimit"`
	// Last is when the last of them was completed.
	Last *metav1.Time `json:"last,omitempty"`
}

// KeyList lists every key of the cluster's region and states whether the cluster can
// use it, with the reasons if not.
type KeyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Provenance      `json:",inline"`

	Region  string        `json:"region,omitempty"`
	Account string        `json:"account,omitempty"`
	Items   []KeyListItem `json:"items"`
	// Notes list what could not be read, and why.
	Notes []string `json:"notes,omitempty"`
}

// KeyListItem is one key and its eligibility for a cluster of the region.
type KeyListItem struct {
	ARN      string   `json:"arn"`
	Aliases  []string `json:"aliases,omitempty"`
	Eligible bool     `json:"eligible"`
	// Reasons are all reasons why the key is not eligible.
	Reasons []string `json:"reasons,omitempty"`
	// Warnings do not make the key ineligible, but the user should know them.
	Warnings    []string `json:"warnings,omitempty"`
	State       string   `json:"state,omitempty"`
	Spec        string   `json:"spec,omitempty"`
	Usage       string   `json:"usage,omitempty"`
	Manager     string   `json:"manager,omitempty"`
	Origin      string   `json:"origin,omitempty"`
	MultiRegion bool     `json:"multiRegion,omitempty"`
	// PaletteUsable is true if the key has an alias with the prefix that Palette's
	// policy requires.
	PaletteUsable bool `json:"paletteUsable"`
	// Palette states what Palette needs to use the key.
	Palette  Palette   `json:"palette,omitempty"`
	Rotation *Rotation `json:"rotation,omitempty"`
	// ValidTo is the time at which imported key material expires, and MaterialDaysLeft the number of whole days until
	// then, negative after it.
	ValidTo          *metav1.Time `json:"validTo,omitempty"`
	MaterialDaysLeft *int         `json:"materialDaysLeft,omitempty"`
	KeyDetails
	// Account is the account that owns the key.
	Account string `json:"account,omitempty"`
	// Tags are absent if they were not read.
	Tags map[string]string `json:"tags,omitempty"`
	// UsedBy are the ARNs of the clusters of the region that use the key, if they were
	// requested.
	UsedBy []string `json:"usedBy,omitempty"`
}

// Palette states whether Palette can use a key.
type Palette string

// The values of Palette: its controller policy allows the key because of an alias; it
// needs the statement of Palette's page, which generate iam-policy --for palette prints;
// or the key is not eligible.
const (
	PaletteYes           Palette = "Yes"
	PaletteWithStatement Palette = "WithStatement"
	PaletteNo            Palette = "No"
)

// DeepCopyObject makes the list a runtime.Object, which the kubectl printers need.
func (l *KeyList) DeepCopyObject() runtime.Object { return deepCopy(l) }
