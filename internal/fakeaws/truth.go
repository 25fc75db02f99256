package fakeaws

import (
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Truth is what holds of one cluster, whatever an API lets a caller see of it.
type Truth struct {
	ARN, Name, Account, Region string
	// Version is empty for clusters that EKS does not run.
	Version string
	Verdict v1alpha1.Verdict
	Scope   v1alpha1.Scope
	// KeyARN, KeyState and so on belong to a customer key.
	KeyARN, KeyState string
	// KeyReadable says that the caller's account may look at the key.
	KeyReadable bool
	RotationOn  bool
	// HealthCodes are the issues that DescribeCluster shows.
	HealthCodes []string
	// Update is the status of the newest association, "" if none is listed.
	Update string
	Tags   map[string]string
	// Unreachable says why nobody can ask for the cluster: "region down",
	// "account denied", "cluster denied"; empty if one can.
	Unreachable string
}

// truth follows AWS's documentation alone: from Kubernetes 1.28 on all API
// data is envelope-encrypted, before it Secrets are, and only with a key.
func (w *World) truth(c *Cluster) Truth {
	t := Truth{
		ARN: c.ARN(), Name: c.Name, Account: c.Account, Region: c.Region, Version: c.Version, Tags: c.Tags,
		KeyARN: c.KeyARN,
	}
	_, minor, _ := strings.Cut(c.Version, ".")
	number, _ := strconv.Atoi(minor) // the versions here are well-formed
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

// Truths are those of all clusters, as they are now, by ARN.
func (s *Server) Truths() map[string]Truth {
	truths := map[string]Truth{}
	s.View(func(w *World) {
		for arn, c := range w.Clusters {
			truths[arn] = w.truth(c)
		}
	})
	return truths
}
