package securityhub

import "time"

// Coverage states which earlier findings an audit can judge, and when it observed its facts.
type Coverage struct {
	// Complete is true if EKS listed all clusters of the account and region.
	Complete bool
	// Since is when the audit began, in whole seconds, rounded down. If another audit imported a finding after that, the
	// cluster may exist.
	Since time.Time
	// Resources are the ARNs of the clusters of the audit, FilteredOut of those that its filter left out.
	Resources, FilteredOut map[string]bool
	// Recorded are the ARNs of the clusters that an earlier report describes, which the audit continued. Since is the
	// only time that is known of them. RecordedList is true if the list of the clusters is that of the earlier report.
	Recorded     map[string]bool
	RecordedList bool
}

// lacks reports whether the cluster of an earlier finding certainly no longer exists.
func (c *Coverage) lacks(e *Earlier) bool {
	resource := e.resource()
	return c.Complete && !c.Resources[resource] && !c.FilteredOut[resource] &&
		(resource == "" || e.certainlyBefore(c.Since.Add(time.Second)))
}

// observed returns the time of the facts of a finding.
func (c *Coverage) observed(w *Wanted, at time.Time) time.Time {
	if c.Recorded[w.resource()] {
		return c.Since
	}
	return at
}

// listed returns the time of the list of the clusters.
func (c *Coverage) listed(at time.Time) time.Time {
	if c.RecordedList {
		return c.Since
	}
	return at
}
