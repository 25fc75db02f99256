package fakeaws

// GenerateOptions shape a generated fleet. The same options give the same fleet.
type GenerateOptions struct {
	// Clusters are spread over the accounts and regions; 1 each at least.
	Clusters, Regions, Accounts int
	Seed                        uint64
	// Throttle is the share of all calls that are throttled.
	Throttle float64
	// RegionsDown and AccountsDenied make the last regions fail with 503 and
	// the last accounts refuse their role.
	RegionsDown, AccountsDenied int
}

// Generated is what AddGenerated has made.
type Generated struct {
	Truths            []Truth
	Regions, Accounts []string
	// Down are the regions that fail, Denied the accounts that refuse.
	Down, Denied []string
	// RoleName is the role to assume in each account; the caller's ARN must be
	// trusted: anybody of the first account is.
	RoleName string
	// Faults are those set on the Server for Throttle and RegionsDown.
	Faults []Fault
}
