package fakeaws

import (
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Expected is the expected result for one cluster, independent of the caller's permissions.
type Expected struct {
	ARN, Name, Account, Region string
	// Version is empty for clusters that EKS does not run.
	Version string
	Verdict v1alpha1.Verdict
	Scope   v1alpha1.Scope
	// KeyARN and the fields up to RotationOn describe the customer key.
	KeyARN, KeyState string
	// KeyReadable is set if the cluster's account owns the key.
	KeyReadable bool
	RotationOn  bool
	// HealthCodes are the health issues in DescribeCluster.
	HealthCodes []string
	// Update is the status of the newest association; empty if there is none.
	Update string
	Tags   map[string]string
	// Unreachable is the reason why the cluster cannot be queried: "region down",
	// "account denied" or "cluster denied"; empty if it can.
	Unreachable string
}

// expected follows only AWS's documentation: from Kubernetes 1.28 on all API data is
// envelope-encrypted, in earlier versions only Secrets are, and only with a key.
func (w *State) expected(c *Cluster) Expected {
	t := Expected{
		ARN: c.ARN(), Name: c.Name, Account: c.Account, Region: c.Region, Version: c.Version, Tags: c.Tags,
		KeyARN: c.KeyARN,
	}
	_, minor, _ := strings.Cut(c.Version, ".")
	number, _ := strconv.Atoi(minor) // all versions in the state are well-formed
	whole := number >= 28
	switch {
	case c.ConnectorProvider != "" || c.OutpostARN != "":
		t.Verdict, t.Scope = v1alpha1.VerdictNotApplicable, v1alpha1.ScopeUnknown
		if c.ConnectorProvider != "" {
			t.Version = ""
		}
	case c.KeyARN != "" && whole:
		t.Verdict, t.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeAllAPIData
	case c.KeyARN != "":
		t.Verdict, t.Scope = v1alpha1.VerdictCustomerManagedKey, v1alpha1.ScopeSecrets
	case whole:
		t.Verdict, t.Scope = v1alpha1.VerdictAWSOwnedKey, v1alpha1.ScopeAllAPIData
	default:
		t.Verdict, t.Scope = v1alpha1.VerdictNotEncrypted, v1alpha1.ScopeNone
	}
	if key := w.Keys[c.KeyARN]; key != nil {
		t.KeyState, t.RotationOn = key.State, key.RotationDays > 0 && key.State != "PendingDeletion"
		t.KeyReadable = key.Account == c.Account
	}
	for _, issue := range c.Health {
		t.HealthCodes = append(t.HealthCodes, issue.Code)
	}
	for _, u := range c.Updates {
		if u.Type == associationType {
			t.Update = u.Status
		}
	}
	return t
}

// Expected returns the expected results for the current state of all clusters, by ARN.
func (s *Server) Expected() map[string]Expected {
	expected := map[string]Expected{}
	s.View(func(w *State) {
		for arn, c := range w.Clusters {
			expected[arn] = w.expected(c)
		}
	})
	return expected
}
