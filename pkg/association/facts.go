package association

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Facts are the input of Plan.
type Facts struct {
	// Cluster comes from the kube context, completed by EKS.
	Cluster v1alpha1.Cluster
	// Guard compares Live with the cluster that kubectl uses; nil if EKS was not called.
	Guard *v1alpha1.GuardResult
	// TrustEndpoint allows an association with a cluster whose guard is Unverified.
	TrustEndpoint bool
	// Caller is the principal that calls AWS, EndpointOverrides the endpoints that it calls instead of those of AWS.
	Caller            v1alpha1.Caller
	EndpointOverrides []v1alpha1.EndpointOverride
	// ExpectAccount is the account that the caller and the cluster must have; empty allows any.
	ExpectAccount string
	// MismatchRemedy is the next step if the guard is Mismatch.
	MismatchRemedy string
	// CLI makes the command lines of the AWS CLI that a remedy names.
	CLI awsclient.CLI
	// Live is the cluster that EKS described; nil if EKS was not called.
	Live *eks.Cluster
	// Updates are the updates of the cluster, the oldest first; UpdatesErr is why they are unknown.
	Updates    []eks.Update
	UpdatesErr error

	// Key is the key to associate, as an item of the key list.
	Key v1alpha1.KeyListItem
	// KeyErr is the reason why the key could not be resolved.
	KeyErr error
	// KeyAccount is the account of the key.
	KeyAccount string
	// Grant is the result of the dry run; nil if there was none.
	Grant *v1alpha1.Check
	// PolicyIssues are those of the key policy; PolicyErr is why they are unknown.
	PolicyIssues kms.PolicyIssues
	PolicyErr    error
	// UsedBy are the ARNs of other clusters that use the key; UsedByErr is why they are unknown.
	UsedBy    []string
	UsedByErr error

	// Capabilities are the controllers that EKS runs for the cluster; CapabilitiesErr is why they are unknown.
	Capabilities    []eks.Capability
	CapabilitiesErr error
	Drift           v1alpha1.Drift
	AcceptDrift     bool
}

// PolicyUnread returns why the key policy is unknown, or "".
func (f Facts) PolicyUnread() string {
	if f.PolicyErr != nil {
		return f.PolicyErr.Error()
	}
	return ""
}

// Decision is what the plan leads to.
type Decision string

// Decisions of a plan. Only Associate sends a request.
const (
	// Associate sends the request.
	Associate Decision = "Associate"
	// Adopt waits for a running association of the same key.
	Adopt Decision = "Adopt"
	// Done means that the cluster has the key, and that EKS lists no running association of it.
	Done Decision = "Done"
	// Refuse means that a check failed.
	Refuse Decision = "Refuse"
)

// Adoptable returns the running association of the key, or nil.
func (f Facts) Adoptable() *eks.Update {
	for _, u := range slices.Backward(f.Updates) {
		if f.adoptable(u) {
			return &u
		}
	}
	return nil
}

// adoptable reports whether the update is a running association of the key. EKS may not report the key of an update,
// but a cluster that has the key gets no other one.
func (f Facts) adoptable(u eks.Update) bool {
	return u.IsAssociation() && u.Running() && f.Key.ARN != "" &&
		(u.KeyARN == f.Key.ARN || u.KeyARN == "" && f.hasKey())
}

// hasKey reports whether EKS names the key as that of the cluster.
func (f Facts) hasKey() bool {
	return f.Live != nil && f.Live.KeyARN != "" && f.Live.KeyARN == f.Key.ARN
}

// Unsettled returns why an association may still be in progress although EKS names the key, or "". EKS reports the
// status, the updates and the key independently, and each may lag behind the others.
func (f Facts) Unsettled() string {
	other := slices.ContainsFunc(f.Updates, func(u eks.Update) bool { return !u.IsAssociation() && u.Running() })
	switch {
	case f.UpdatesErr != nil:
		return f.UpdatesErr.Error()
	case f.Live.Status == "ACTIVE", f.Live.Status == "UPDATING" && other:
		return ""
	}
	return fmt.Sprintf("the status of the cluster is %q, and EKS lists no update that is in progress", f.Live.Status)
}

// decide returns the decision if no check fails. A running association comes first: EKS may name its key before it
// ends.
func (f Facts) decide() Decision {
	switch {
	case f.Adoptable() != nil:
		return Adopt
	case f.hasKey():
		return Done
	}
	return Associate
}
