package association

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

func pass(name, format string, args ...any) v1alpha1.Check {
	return v1alpha1.Check{Name: name, Result: v1alpha1.ResultPass, Message: fmt.Sprintf(format, args...)}
}

func warn(name, remedy, format string, args ...any) v1alpha1.Check {
	return v1alpha1.Check{Name: name, Result: v1alpha1.ResultWarn, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

func fail(name, remedy, format string, args ...any) v1alpha1.Check {
	return v1alpha1.Check{Name: name, Result: v1alpha1.ResultFail, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

func unknown(name, format string, args ...any) v1alpha1.Check {
	return v1alpha1.Check{Name: name, Result: v1alpha1.ResultUnknown, Message: fmt.Sprintf(format, args...)}
}

func keyCheck(f Facts) v1alpha1.Check {
	const name = "key is eligible"
	const look = "kubectl eks-encrypt keys lists what the cluster can take"
	if f.KeyErr != nil {
		remedy := look
		if h, ok := f.KeyErr.(interface{ Hint() string }); ok && h.Hint() != "" {
			remedy = h.Hint()
		}
		return fail(name, remedy, "%v", f.KeyErr)
	}
	if !f.Key.Eligible {
		return fail(name, look, "%s can't be used: %s", f.Key.ARN, strings.Join(f.Key.Reasons, "; "))
	}
	if len(f.Key.Warnings) > 0 {
		return warn(name, "", "symmetric, enabled, of this region; but %s", strings.Join(f.Key.Warnings, "; "))
	}
	return pass(name, "symmetric, encrypt and decrypt, enabled, of this region")
}

func guardCheck(f Facts) v1alpha1.Check {
	const name = "kubectl talks to this cluster"
	why := f.Cluster.GuardReason
	switch {
	case f.Cluster.Guard == v1alpha1.GuardMatch:
		return pass(name, "the endpoint is the one that EKS describes")
	case f.Cluster.Guard == v1alpha1.GuardMismatch:
		return fail(name, "use the context of the cluster that you mean; aws eks update-kubeconfig makes one", "%s", orElse(why, "it talks to another one"))
	case f.NameByFlag:
		return warn(name, "", "%s; going on since the cluster was named by flag", orElse(why, "not verified"))
	}
	return fail(name, "name the cluster to confirm which one is meant: --cluster-name "+f.Cluster.Name, "%s", orElse(why, "not verified"))
}

func kindCheck(f Facts) v1alpha1.Check {
	const name = "EKS runs the control plane"
	switch {
	case f.Live.Connector:
		return fail(name, "", "this cluster is registered by EKS Connector: EKS doesn't run its control plane, and can't encrypt it")
	case f.Live.Outposts:
		return fail(name, "", "this is a local cluster on Outposts: EKS offers no envelope encryption for it")
	}
	return pass(name, "an EKS cluster of the region")
}

// keyedCheck: EKS can neither change nor remove a key.
func keyedCheck(f Facts) v1alpha1.Check {
	const name = "no other key is associated"
	switch f.Live.KeyARN {
	case "":
		return pass(name, "the cluster has no customer key yet")
	case f.Key.ARN:
		return pass(name, "the cluster has this key already: nothing to do")
	}
	return fail(name, "the key can't be changed or removed; a cluster with another key has to be a new one",
		"the cluster has the key %s", f.Live.KeyARN)
}

// activeCheck: one update runs at a time, and EKS takes one only of an active cluster.
func activeCheck(f Facts) v1alpha1.Check {
	const name = "cluster is active"
	if f.Live.Status == "ACTIVE" {
		return pass(name, "ACTIVE")
	}
	if u := f.Adoptable(); u != nil {
		return pass(name, "%s, by the association of this key, update %s", f.Live.Status, u.ID)
	}
	return fail(name, "wait until it is ACTIVE, then run this again", "the cluster is %s", orElse(f.Live.Status, "in an unknown state"))
}

// idleCheck: the status alone doesn't tell, since a version rollback leaves it ACTIVE.
func idleCheck(f Facts) v1alpha1.Check {
	const name = "no other update is in progress"
	if f.UpdatesErr != nil {
		return fail(name, "without it, a change that is running can be neither seen nor taken up", "%v", f.UpdatesErr)
	}
	for _, u := range f.Updates {
		switch {
		case !u.Running(), u.IsAssociation() && u.KeyARN == f.Key.ARN:
		case u.IsAssociation() && u.KeyARN == "":
			return fail(name, "wait for it, then run this again", "an association is %s whose key EKS doesn't tell, update %s", u.Status, u.ID)
		case u.IsAssociation():
			return fail(name, "it can't be stopped, and its key can't be changed", "the association of another key, %s, is %s, update %s", u.KeyARN, u.Status, u.ID)
		default:
			return fail(name, "wait for it, then run this again: aws eks describe-update --name "+f.Cluster.Name+" --update-id "+u.ID,
				"%s is %s, update %s", orElse(u.Type, "an update"), u.Status, u.ID)
		}
	}
	if u := f.Adoptable(); u != nil {
		return pass(name, "the association of this key is in progress already, update %s: it will be taken up", u.ID)
	}
	return pass(name, "none")
}

// versionCheck: from 1.28 on EKS encrypts all API data under a key that AWS owns,
// and a customer's key takes that one's place. The user guide documents the change
// of an existing cluster for 1.27 and older alone, but the API takes both.
func versionCheck(f Facts) v1alpha1.Check {
	const name = "meaning for this version"
	version, err := encryption.ParseVersion(f.Live.Version)
	switch {
	case err != nil:
		return unknown(name, "%v", err)
	case version.Less(encryption.FirstDefault()):
		return pass(name, "Kubernetes %s: Secrets will be encrypted with the key; other data won't be before %s", version, encryption.FirstDefault())
	}
	return warn(name, "", "Kubernetes %s: all API data is encrypted with a key that AWS owns, and will be with yours; AWS's how-to for existing clusters speaks of 1.27 and older only, the API allows it", version)
}

// callerCheck says what nobody can tell beforehand: EKS has no dry run.
func callerCheck(Facts) v1alpha1.Check {
	return unknown("caller may associate", "EKS offers no dry run: whether eks:AssociateEncryptionConfig is allowed for this cluster and key shows when it is sent; a policy, also one of the organisation, may limit the keys by eks:encryptionConfigProviderKeyArns")
}

func policyCheck(f Facts) v1alpha1.Check {
	const name = "key policy has no trap"
	switch {
	case f.TrapsUnread != "":
		return unknown(name, "the key policy can't be read: %s", f.TrapsUnread)
	case len(f.Traps.Blocking) > 0:
		return warn(name, "kubectl eks-encrypt generate key-policy shows one that works", "%s", strings.Join(f.Traps.Blocking, "; "))
	}
	return pass(name, "no condition on kms:CreateGrant that EKS fails to meet")
}

func accountCheck(f Facts) v1alpha1.Check {
	const name = "both accounts allow it"
	if f.KeyAccount == "" || f.Cluster.Account == "" || f.KeyAccount == f.Cluster.Account {
		return pass(name, "key and cluster are of one account")
	}
	return warn(name, "", "the key is of account %s, the cluster of %s: the key's policy must allow %s kms:DescribeKey and kms:CreateGrant, and so must the caller's own policy; account %s can end the cluster",
		f.KeyAccount, f.Cluster.Account, f.Cluster.Account, f.KeyAccount)
}

func sharedCheck(f Facts) v1alpha1.Check {
	const name = "key is this cluster's alone"
	switch {
	case f.UsedByErr != nil:
		return unknown(name, "who else uses the key can't be told: %v", f.UsedByErr)
	case len(f.UsedBy) > 0:
		return warn(name, "", "%d other cluster(s) use it, and would fail with it: %s", len(f.UsedBy), strings.Join(f.UsedBy, ", "))
	}
	return pass(name, "no other cluster of this account and region uses it")
}

func driftCheck(f Facts) v1alpha1.Check {
	const name = "its manager agrees"
	d := f.Drift
	switch {
	case d.Destructive && !f.AcceptDrift:
		return fail(name, orElse(d.Remedy, "change what it asks for")+"; or accept it: --accept-drift", "%s: %s", d.Tool, d.Consequence)
	case d.Destructive:
		return warn(name, d.Remedy, "%s: %s; accepted by --accept-drift", d.Tool, d.Consequence)
	case d.Tool == v1alpha1.ToolUnknown:
		return warn(name, d.Remedy, "%s", d.Consequence)
	case d.Tool == v1alpha1.ToolTerraform || d.Tool == v1alpha1.ToolPulumi:
		return warn(name, d.Remedy, "probably %s: %s", d.Tool, d.Consequence)
	}
	return pass(name, "%s: %s", d.Tool, d.Consequence)
}

func orElse(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
