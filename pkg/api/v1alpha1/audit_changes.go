package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditChanges are the differences between a report and an earlier one.
type AuditChanges struct {
	// Since is the time at which the earlier audit finished.
	Since *metav1.Time `json:"since,omitempty"`
	// New, Gone and LostSight are the ARNs of clusters. A cluster is in Gone only if its
	// place answered without it. If the place could not be queried this time, or is no
	// longer in the scope, the cluster is in LostSight.
	New       []string `json:"new,omitempty"`
	Gone      []string `json:"gone,omitempty"`
	LostSight []string `json:"lostSight,omitempty"`
	// LostPlaces are the accounts, regions and contexts of the earlier scope that are no
	// longer in the scope, such as 111122223333/eu-west-1.
	LostPlaces []string `json:"lostPlaces,omitempty"`
	// Waived are the findings and places that are waived now, and were not waived in the
	// earlier report.
	Waived []Waived `json:"waived,omitempty"`
	// Regressions are new findings, and facts that got worse whatever the controls are: the
	// verdict, the key, its state, the days that it has left. Fixed are resolved findings.
	Regressions []Change `json:"regressions,omitempty"`
	Fixed       []Change `json:"fixed,omitempty"`
	// Other lists changes that are neither, such as another verdict, key or version.
	Other []Change `json:"other,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// Change is one difference between two reports.
type Change struct {
	Cluster string `json:"cluster"`
	// What is the id of a control, or the path of the field that changed.
	What   string `json:"what"`
	Was    string `json:"was"`
	Is     string `json:"is"`
	Reason string `json:"reason,omitempty"`
}
