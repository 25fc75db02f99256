package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditScope is the selection of clusters and controls of an audit.
type AuditScope struct {
	Contexts []string `json:"contexts,omitempty"`
	Regions  []string `json:"regions,omitempty"`
	Accounts []string `json:"accounts,omitempty"`
	Filters  []string `json:"filters,omitempty"`
	// Organization is true if the accounts are those of an AWS organization.
	Organization bool `json:"organization,omitempty"`
	// OrganizationalUnits are the ids of the units whose accounts were audited.
	OrganizationalUnits []string `json:"organizationalUnits,omitempty"`
	// ExcludedRegions and ExcludedAccounts are the patterns that were left out.
	ExcludedRegions  []string `json:"excludedRegions,omitempty"`
	ExcludedAccounts []string `json:"excludedAccounts,omitempty"`
	// Shard is I/N if the report covers only part I of N of the accounts, with I from 0 to N-1.
	Shard string `json:"shard,omitempty"`
	// AllRegions is true if the regions are those that each account has enabled.
	AllRegions bool `json:"allRegions,omitempty"`
	// RoleName is the role that was assumed in each account without a role of its own.
	RoleName string `json:"roleName,omitempty"`
	// AccountNames are the names of the accounts by id, if AWS Organizations listed them.
	AccountNames map[string]string `json:"accountNames,omitempty"`
	// Answered are the places whose clusters EKS listed completely.
	Answered []AccountRegions `json:"answered,omitempty"`
	// FilteredOut are the ARNs of the clusters that Filters left out.
	FilteredOut []string `json:"filteredOut,omitempty"`
	// Controls are the ids of the controls that affect the outcome. The results of the
	// others are for information.
	Controls []string `json:"controls,omitempty"`
}

// AccountRegions are regions of one account.
type AccountRegions struct {
	Account string   `json:"account"`
	Regions []string `json:"regions"`
}

// AuditRules are the rules of an audit. With them and the scope, it can be repeated.
type AuditRules struct {
	// ApprovedKeys are the ARNs of the approved keys.
	ApprovedKeys []string `json:"approvedKeys,omitempty"`
	// Waivers are all waivers, also those that cover nothing.
	Waivers []AuditWaiver `json:"waivers,omitempty"`
	// MaxWaiverDays is the longest time that a waiver may last from the day of the audit;
	// 0 is unlimited.
	MaxWaiverDays int `json:"maxWaiverDays,omitempty"`
	// Files are the files that the rules and the accounts come from.
	Files []RuleFile `json:"files,omitempty"`
}

// RuleFile is a file of rules. Its digest shows whether it has changed since.
type RuleFile struct {
	// Purpose is approved-keys, waivers or accounts.
	Purpose string `json:"purpose"`
	Path    string `json:"path"`
	SHA256  string `json:"sha256"`
}

// AuditWaiver is one waiver and what it covers in this audit.
type AuditWaiver struct {
	// Cluster and Place are patterns; one of them is set.
	Cluster string `json:"cluster,omitempty"`
	Place   string `json:"place,omitempty"`
	Control string `json:"control,omitempty"`
	Reason  string `json:"reason"`
	Owner   string `json:"owner"`
	// Expires is the last second at which the waiver is valid.
	Expires *metav1.Time `json:"expires,omitempty"`
	// Covers counts the findings or places that the waiver covers.
	Covers int `json:"covers"`
	// Problem is what its owner should know: that it covers nothing, ends soon, or has
	// expired.
	Problem string `json:"problem,omitempty"`
}

// AuditControl is one control that the audit evaluates for every cluster.
type AuditControl struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Decides is true if the control affects the outcome: a failure is then a finding.
	Decides   bool       `json:"decides"`
	Standards []Standard `json:"standards,omitempty"`
}

// Standard is one requirement of a published standard.
type Standard struct {
	// ID is the standard with its version and the requirement, such as PCI DSS 4.0.1 8.3.2.
	ID    string `json:"id"`
	Title string `json:"title"`
	// Wants is "envelope encryption", "a customer-managed key" or "a healthy key".
	Wants string `json:"wants"`
	// Standard is the name of the standard for --standard, such as pci-dss-4.0.1.
	Standard string `json:"standard,omitempty"`
	// OnlyDeletion is true if the requirement fails only for a key that is scheduled for
	// deletion, and not for one that is unusable for another reason.
	OnlyDeletion bool `json:"onlyDeletion,omitempty"`
}

// AuditStandard is the result of an audit as seen by one published standard.
type AuditStandard struct {
	// Name is the name for --standard, Title the full one.
	Name         string                `json:"name"`
	Title        string                `json:"title"`
	Requirements []StandardRequirement `json:"requirements"`
}

// StandardRequirement is one requirement of the standard, with the results of the control
// that gives evidence for it.
type StandardRequirement struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Wants   string `json:"wants"`
	Control string `json:"control"`
	// Results counts the clusters by result. Waived failures count as Fail and as Waived.
	Results map[Result]int `json:"results,omitempty"`
	Waived  int            `json:"waived,omitempty"`
}
